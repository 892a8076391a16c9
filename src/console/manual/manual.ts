import { startSearch } from "./search-box.js";

/** How long a button says that it copied. */
const COPIED_MS = 1500;

/** Wide enough for the headings of a page to stand beside it (manual.css). */
const WIDE = matchMedia("(min-width: 75rem)");

for (const block of document.querySelectorAll<HTMLElement>(".code")) addCopyButton(block);
const search = document.querySelector<HTMLElement>(".search");
if (search !== null) startSearch(search);
const contents = document.querySelector<HTMLDetailsElement>(".toc");
if (contents !== null) contents.open = WIDE.matches;
WIDE.addEventListener("change", ({ matches }) => {
  if (contents !== null) contents.open = matches;
});

function addCopyButton(block: HTMLElement): void {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", () => {
    const text = block.querySelector("code")?.textContent ?? "";
    void navigator.clipboard.writeText(text).then(
      () => tell(button, "Copied"),
      () => tell(button, "Not allowed"),
    );
  });
  block.append(button);
}

function tell(button: HTMLButtonElement, text: string): void {
  button.textContent = text;
  setTimeout(() => (button.textContent = "Copy"), COPIED_MS);
}
