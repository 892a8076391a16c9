import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { findSections } from "../../src/console/manual/search.js";
import { GROUPS } from "../../tools/manual/contents.js";
import { resolveLink } from "../../tools/manual/links.js";
import { renderMarkdown } from "../../tools/manual/markdown.js";
import { createSearchIndex } from "../../tools/manual/search-index.js";

const ROOT = new URL("../../", import.meta.url).pathname;
const SOURCES = GROUPS.flatMap(({ pages }) => pages);
const rendered = new Map(SOURCES.map(({ file, name }) => [name, renderMarkdown(ROOT, file)]));

it("every page of docs/ has one place in the manual", () => {
  const pages = readdirSync(`${ROOT}docs`).filter((name) => name.endsWith(".md"));
  expect(SOURCES.map(({ file }) => file).sort()).toEqual(
    [...pages.map((name) => `docs/${name}`), "README.md", "CHANGELOG.md"].sort(),
  );
});

describe.each([...rendered])("/docs/%s", (_name, { html, sections }) => {
  it("has one title, no script, no style, and links to what the manual has", () => {
    expect(html.match(/<h1/g)).toHaveLength(1);
    expect(html).not.toMatch(/<script|<style|style=|javascript:|\son\w+="/);
    const links = [...html.matchAll(/href="([^"]*)"/g)].map(([, href = ""]) => href);
    const anchors = (name: string) => rendered.get(name)?.sections.map(({ anchor }) => anchor) ?? [];
    const broken = links.filter((link) => {
      if (/^https?:/.test(link) || link.startsWith("files/") || link.startsWith("images/")) return false;
      const [page = "", anchor] = link.split("#");
      const known = page === "" ? sections.map((section) => section.anchor) : anchors(page);
      return known.length === 0 || (anchor !== undefined && !known.includes(anchor));
    });
    expect(broken).toEqual([]);
  });
});

describe("the search", () => {
  const index = createSearchIndex(rendered);

  it.each([
    ["rollback", "cli#rollback"],
    ["idempotency key", "cli#publish"],
    ["air gap", "air-gap"],
    ["SIGNET_PUBLIC_URL", "operate"],
    ["verify audit", "audit"],
  ])("finds for %s the page that says it among the first five", (query, page) => {
    const hits = findSections(index, query, 5).map(({ href }) => href);
    expect(
      hits.some((href) => href.startsWith(page)),
      hits.join(", "),
    ).toBe(true);
  });

  it("finds nothing for words that no section has together, and nothing for nothing", () => {
    expect(findSections(index, "rollback zebra", 5)).toEqual([]);
    expect(findSections(index, "  ", 5)).toEqual([]);
  });
});

describe("a link of a page", () => {
  it.each([
    ["docs/cli.md", "trust.md#root-documents", "trust#root-documents"],
    ["README.md", "docs/cli.md", "cli"],
    ["docs/cli.md", "../README.md", "start"],
    ["docs/scale.md", "../packaging/balancer/nginx.conf", "files/packaging/balancer/nginx.conf"],
    ["docs/api.md", "../proto/signet/v1", null],
    ["docs/api.md", "#tokens", "#tokens"],
  ])("of %s to %s leads to %s", (from, link, expected) => {
    expect(resolveLink(ROOT, from, link).href).toBe(expected);
  });

  it("to a file that is not there, or out of the repository, does not build", () => {
    expect(() => resolveLink(ROOT, "docs/cli.md", "gone.md")).toThrow("leads to no file");
    expect(() => resolveLink(ROOT, "docs/cli.md", "../../etc/passwd")).toThrow("leaves the repository");
  });
});
