/** What the search reads: made from the pages when they are built (tools/manual/search-index.ts). */
export interface SearchIndex {
  /** Name and title of each page. */
  readonly pages: readonly (readonly [name: string, title: string])[];
  /** Page, anchor, title, distinct words in lower case with a space between, and beginning of each section. */
  readonly sections: readonly (readonly [
    page: number,
    anchor: string,
    title: string,
    words: string,
    excerpt: string,
  ])[];
}

/** One section that was found. */
export interface Hit {
  /** Relative to /docs/. */
  readonly href: string;
  readonly page: string;
  /** Empty for the beginning of a page. */
  readonly section: string;
  readonly excerpt: string;
}

/** The best sections for a query, best first: each has all of its words, or words that begin with them. */
export function findSections(index: SearchIndex, query: string, limit: number): readonly Hit[] {
  const terms = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (terms.length === 0) return [];
  const hits: { readonly score: number; readonly hit: Hit }[] = [];
  for (const [page, anchor, title, words, excerpt] of index.sections) {
    const [name = "", pageTitle = ""] = index.pages[page] ?? [];
    const scores = terms.map((term) => scoreOf(term, title.toLowerCase(), pageTitle.toLowerCase(), ` ${words} `));
    if (scores.includes(0)) continue;
    const score = scores.reduce((sum, value) => sum + value, 0) + (anchor === "" ? 0.5 : 0);
    hits.push({
      score,
      hit: { href: anchor === "" ? name : `${name}#${anchor}`, page: pageTitle, section: title, excerpt },
    });
  }
  return hits
    .sort((a, b) => b.score - a.score)
    .slice(0, limit)
    .map(({ hit }) => hit);
}

/** How well a section answers one word: in its title, in the page's title, or in its text; 0 when it has it nowhere. */
function scoreOf(term: string, title: string, pageTitle: string, words: string): number {
  const inTitle = title.split(/[^\p{L}\p{N}_.-]+/u);
  if (inTitle.includes(term)) return 8;
  if (inTitle.some((word) => word.startsWith(term))) return 6;
  if (pageTitle.includes(term)) return 4;
  if (words.includes(` ${term} `)) return 3;
  if (words.includes(` ${term}`)) return 2;
  return words.includes(term) ? 1 : 0;
}
