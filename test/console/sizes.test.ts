import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { consolePackages, readConsoleMeta } from "../../packaging/console-meta.js";
import { consoleParts } from "../../packaging/console-sizes.js";
import { builtFileNames, openConsole } from "../../src/assets/built.js";

const ROOT = join(import.meta.dirname, "../..");
const KIB = 1024;

describe("the built console", () => {
  const parts = consoleParts(ROOT);
  const sizeOf = (name: string) => parts.find((part) => part.name === name)?.gzipBytes ?? 0;

  it("loads at most 90 KiB for its first screen, and 135 KiB more for any other", () => {
    expect(sizeOf("first load")).toBeGreaterThan(40 * KIB);
    const large = Object.fromEntries(
      parts
        .filter(({ name, gzipBytes }) => gzipBytes > (name === "first load" ? 90 : 135) * KIB)
        .map(({ name, gzipBytes, shares }) => [name, { gzipBytes, shares }]),
    );
    expect(large).toEqual({});
  });

  it("loads no editor before one is opened", () => {
    const sources = parts[0]?.shares.map(([source]) => source) ?? [];
    expect(sources).toContain("preact");
    expect(sources.filter((source) => /codemirror|@lezer/.test(source))).toEqual([]);
  });

  it("names no other origin as a source, and has nothing inline", () => {
    const build = openConsole();
    const texts = (build?.files ?? [])
      .filter(({ type }) => /html|css|javascript|svg/.test(type))
      .map(({ path }) => ({ path, text: build?.read(path, null).toString() ?? "" }));
    expect(texts.length).toBeGreaterThan(10);
    for (const { path, text } of texts) {
      // What a browser would load by itself: in a style sheet, in markup, by import, in the code of a loader.
      const loaded = text.match(
        /url\(\s*["']?(?:https?:)?\/\/[^)]*\)|@import\s+["'](?:https?:)?\/\/|(?:src|href)=["'](?:https?:)?\/\/|(?:import|fetch|importScripts)\(\s*["'`](?:https?:)?\/\//g,
      );
      expect(loaded, path).toBeNull();
      if (path.endsWith(".html")) expect(text).not.toMatch(/<style|style=|<script>|javascript:|\son\w+=/);
    }
  });

  it("has the licence of each package in it, and lists all its files", () => {
    const build = openConsole();
    const licenses = build?.read("THIRD-PARTY-LICENSES.txt", null).toString() ?? "";
    const packages = consolePackages(readConsoleMeta(ROOT));
    expect(packages).toContain("node_modules/preact");
    for (const directory of packages) {
      const { name, version } = JSON.parse(readFileSync(join(ROOT, directory, "package.json"), "utf8")) as {
        name: string;
        version: string;
      };
      expect(licenses).toContain(`\n${name} ${version}, `);
    }
    for (const name of builtFileNames(build ?? { files: [] }))
      expect(readFileSync(join(ROOT, "dist/console", name)).byteLength, name).toBeGreaterThan(0);
  });
});
