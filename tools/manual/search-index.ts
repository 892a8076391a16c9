import type { SearchIndex } from "../../src/console/manual/search.js";
import type { Rendered } from "./markdown.js";

/** So common that they find everything. */
const COMMON = new Set(
  (
    "the a an of to in is it its and or for with that this as at by be are on from no not one all has have which what when " +
    "than then if but also can may must does do so was were will would there their them they you your"
  ).split(" "),
);

/** How many characters of a section are shown below its title. */
const EXCERPT = 110;

/** An index over the sections of pages: each with its title, the words in it, and how it begins. */
export function createSearchIndex(pages: ReadonlyMap<string, Rendered>): SearchIndex {
  return {
    pages: [...pages].map(([name, { title }]) => [name, title]),
    sections: [...pages.values()].flatMap(({ sections }, page) =>
      sections.map(({ anchor, level, title, text }) => [
        page,
        level === 1 ? "" : anchor,
        level === 1 ? "" : title,
        wordsOf(text).join(" "),
        excerptOf(text),
      ]),
    ),
  };
}

function wordsOf(text: string): readonly string[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}][\p{L}\p{N}_.-]*[\p{L}\p{N}]/gu) ?? [];
  return [...new Set(words.filter((word) => !COMMON.has(word) && word.length <= 40))].sort();
}

function excerptOf(text: string): string {
  const flat = text.replaceAll(/\s+/g, " ").trim();
  return flat.length <= EXCERPT ? flat : `${flat.slice(0, EXCERPT).replace(/\s\S*$/, "")} …`;
}
