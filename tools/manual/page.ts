import type { Group, Source } from "./contents.js";
import type { Rendered } from "./markdown.js";

/** What every page loads, relative to /docs/. */
export interface PageAssets {
  readonly style: string;
  readonly script: string;
  readonly theme: string;
  readonly searchIndex: string;
  readonly icon: string;
  /** Of the reference of the API alone. */
  readonly reference: string;
  readonly referenceStyle: string;
}

/** A page with its place among the others. */
export interface PageOf {
  readonly source: Source;
  readonly rendered: Rendered;
  readonly groups: readonly Group[];
  /** By name. */
  readonly titles: ReadonlyMap<string, string>;
  readonly previous: string | undefined;
  readonly next: string | undefined;
}

/** Writes one page: its text, the navigation over all pages, and the headings of this one. */
export function formatPage(page: PageOf, assets: PageAssets): string {
  const { rendered, source } = page;
  return `${formatHead(`${rendered.title === "Signet" ? "Start" : rendered.title} · Signet documentation`, assets)}
<body class="manual">
${formatTop(assets, "")}
<main id="content" tabindex="-1">
${onThisPage(rendered)}
<article>
${rendered.html}</article>
${beside(page)}
</main>
${navigation(page.groups, page.titles, source.name)}
</body>
</html>
`;
}

/** The head of a page. */
export function formatHead(title: string, { style, script, theme, icon }: PageAssets, base = ""): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(title)}</title>
<link rel="icon" href="${base}${icon}" type="image/svg+xml">
<link rel="stylesheet" href="${base}${style}">
<script src="${base}${theme}"></script>
<script type="module" src="${base}${script}"></script>
</head>`;
}

/** The bar above a page. The search is shown by the script that does it. */
export function formatTop({ searchIndex, icon }: PageAssets, base: string): string {
  return `<a class="skip-link" href="#content">Skip to the content</a>
<header class="top">
<a class="brand" href="${base}start"><img src="${base}${icon}" alt="" width="26" height="26">Signet docs</a>
<div class="search" role="search" data-index="${base}${searchIndex}" data-base="${base}" hidden>
<label class="visually-hidden" for="search">Search the documentation</label>
<input id="search" type="search" placeholder="Search ( / )" autocomplete="off" spellcheck="false">
<div class="search-results" hidden><p role="status"></p><ol></ol></div>
</div>
<nav class="top-links" aria-label="Documentation"><a class="to-pages" href="${base === "" ? "" : `${base}start`}#pages">Pages</a><a href="${base === "" ? "../docs" : "docs"}"${base === "" ? "" : ' aria-current="page"'}>API reference</a></nav>
</header>`;
}

function onThisPage({ sections }: Rendered): string {
  const shown = sections.filter(({ level }) => level === 2 || level === 3);
  if (shown.length < 2) return "";
  const items = shown.map(({ level, anchor, title }) => `<li class="level-${level}">${link(`#${anchor}`, title)}</li>`);
  return `<details class="toc"><summary>On this page</summary><nav aria-label="On this page"><ul>${items.join("")}</ul></nav></details>`;
}

function beside({ previous, next, titles }: PageOf): string {
  const to = (name: string | undefined, word: string): string =>
    name === undefined
      ? ""
      : `<a class="${word.toLowerCase()}" href="${name}"><span>${word}</span> ${escape(titles.get(name) ?? name)}</a>`;
  return `<nav class="beside" aria-label="Previous and next page">${to(previous, "Previous")}${to(next, "Next")}</nav>`;
}

function navigation(groups: readonly Group[], titles: ReadonlyMap<string, string>, current: string): string {
  const lists = groups.map(({ title, pages }) => {
    const items = pages.map(({ name }) => {
      const here = name === current ? ' aria-current="page"' : "";
      return `<li><a href="${name}"${here}>${escape(titles.get(name) ?? name)}</a></li>`;
    });
    const reference = title === "Reference" ? ['<li><a href="../docs">API reference</a></li>'] : [];
    return `<h2>${title}</h2><ul>${[...reference, ...items].join("")}</ul>`;
  });
  return `<nav class="pages" id="pages" aria-label="Pages">${lists.join("\n")}</nav>`;
}

function link(href: string, text: string): string {
  return `<a href="${escape(href)}">${escape(text)}</a>`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
