import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { PAGES, readPage } from "./pages.js";

/** The widest line of prose. One word, link or piece of code that is longer than that may stand alone. */
const MAX_PROSE = 100;
/** The widest row of a table: what is wider is a list. */
const MAX_ROW = 140;

/** The lines of a page outside of its fenced blocks, each with its number. */
function prose(text: string): { number: number; line: string }[] {
  let fenced = false;
  return text.split("\n").flatMap((line, index) => {
    const fence = /^ *```/.test(line);
    if (fence) fenced = !fenced;
    return fence || fenced ? [] : [{ number: index + 1, line }];
  });
}

/** Whether no break could make a line shorter: beside its indent or mark there is one code span, link or word. */
function unbreakable(line: string): boolean {
  return /^ *(?:[-*] |\d+\. )?(?:\*\*)?(?:`[^`]*`|\[[^\]]*\]\([^)]*\)|\S+)\S*$/.test(line);
}

describe.each(PAGES)("%s", (page) => {
  const lines = prose(readPage(page));
  const tooWide = (select: (line: string) => boolean, max: number) =>
    lines.filter(({ line }) => select(line) && line.length > max).map(({ number, line }) => `${number}: ${line}`);

  it(`wraps its prose at ${MAX_PROSE} columns`, () => {
    expect(tooWide((line) => !/^ *\|/.test(line) && !unbreakable(line), MAX_PROSE)).toEqual([]);
  });

  // One row of docs/architecture.md names all that a layer may import.
  const maxRow = page === "docs/architecture.md" ? 330 : MAX_ROW;
  it(`has no table with rows over ${maxRow} columns`, () => {
    expect(tooWide((line) => /^ *\|/.test(line), maxRow)).toEqual([]);
  });

  it("links to files and headings that are there", () => {
    const missing = lines.flatMap(({ number, line }) =>
      [...line.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) => {
        if (/^https?:/.test(target)) return [];
        const [path = "", anchor] = target.split("#");
        const file = path === "" ? page : new URL(path, `file:///${page}`).pathname.slice(1);
        return linkProblem(file, anchor) === null ? [] : [`${number}: ${target}: ${linkProblem(file, anchor)}`];
      }),
    );
    expect(missing).toEqual([]);
  });
});

function linkProblem(file: string, anchor: string | undefined): string | null {
  let text: string;
  try {
    text = readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === "EISDIR" ? null : "no such file";
  }
  if (anchor === undefined || !file.endsWith(".md")) return null;
  const headings = prose(text).flatMap(({ line }) => (/^#+ /.test(line) ? [slugOf(line.replace(/^#+ /, ""))] : []));
  return headings.includes(anchor) ? null : "no such heading";
}

/** The anchor that GitHub gives a heading. */
function slugOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}
