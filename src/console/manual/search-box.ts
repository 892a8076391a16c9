import { findSections, type Hit, type SearchIndex } from "./search.js";

/** How many sections are listed. */
const SHOWN = 12;

/** Makes the search of a page work: `/` focuses it, arrows walk through what is found, Esc closes it. */
export function startSearch(search: HTMLElement): void {
  const input = search.querySelector("input");
  const results = search.querySelector<HTMLElement>(".search-results");
  const status = search.querySelector("p");
  const list = search.querySelector("ol");
  if (input === null || results === null || status === null || list === null) return;
  const base = search.dataset["base"] ?? "";
  let index: Promise<SearchIndex> | undefined;
  const load = (): Promise<SearchIndex> => (index ??= loadIndex(search.dataset["index"] ?? ""));

  const show = async (): Promise<void> => {
    const query = input.value.trim();
    results.hidden = query === "";
    if (query === "") return;
    try {
      const hits = findSections(await load(), query, SHOWN);
      // What was typed meanwhile has a search of its own.
      if (query !== input.value.trim()) return;
      status.textContent = hits.length === 0 ? `Nothing has all of “${query}”.` : `${hits.length} found`;
      list.replaceChildren(...hits.map((hit) => itemOf(hit, base)));
    } catch {
      index = undefined;
      status.textContent = "The search could not be loaded. Try again.";
    }
  };

  search.hidden = false;
  input.addEventListener("focus", () => void load().catch(() => (index = undefined)));
  input.addEventListener("input", () => void show());
  search.addEventListener("keydown", (event) => {
    const links = [...list.querySelectorAll("a")];
    const place = links.indexOf(document.activeElement as HTMLAnchorElement);
    if (event.key === "ArrowDown") links[place + 1]?.focus();
    else if (event.key === "ArrowUp") (links[place - 1] ?? input).focus();
    else if (event.key === "Enter" && place < 0) links[0]?.click();
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  });
  const close = (): void => {
    results.hidden = true;
    input.value = "";
    input.focus();
  };
  search.addEventListener("click", ({ target }) => {
    // A section of this page is reached without another load.
    if (target instanceof Element && target.closest("a") !== null) results.hidden = true;
  });
  document.addEventListener("click", ({ target }) => {
    if (target instanceof Node && !search.contains(target)) results.hidden = true;
  });
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof Element && event.target.closest("input, textarea, select") !== null;
    if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    input.focus();
  });
}

async function loadIndex(url: string): Promise<SearchIndex> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`the index answered ${answer.status}`);
  return (await answer.json()) as SearchIndex;
}

function itemOf({ href, page, section, excerpt }: Hit, base: string): HTMLLIElement {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = `${base}${href}`;
  const title = document.createElement("strong");
  title.textContent = section === "" ? page : `${page} › ${section}`;
  const text = document.createElement("span");
  text.textContent = excerpt;
  link.append(title, text);
  item.append(link);
  return item;
}
