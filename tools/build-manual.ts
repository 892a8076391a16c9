import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { writeBuilt, type BuiltFile } from "./built-files.js";
import { GROUPS } from "./manual/contents.js";
import { renderMarkdown, type Rendered } from "./manual/markdown.js";
import { formatPage, type PageAssets } from "./manual/page.js";
import { formatReference } from "./manual/reference.js";
import { createSearchIndex } from "./manual/search-index.js";

/**
 * Builds the documentation into dist/manual: each page as HTML, what it shows and links to, a search index, and the page around the
 * reference of the API. All of it compressed, and listed in `files.json` by the path below /docs/.
 */
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const target = join(root, "dist/manual");

const HTML = "text/html; charset=utf-8";
const TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".json": "application/json",
};

const files: BuiltFile[] = [];
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });

const pages = new Map<string, Rendered>();
for (const { file, name } of GROUPS.flatMap((group) => group.pages)) pages.set(name, renderMarkdown(root, file));
const assets = await writeAssets();
const names = [...pages.keys()];
const titles = new Map([...pages].map(([name, { title }]) => [name, name === "start" ? "Start" : title]));
for (const [index, source] of GROUPS.flatMap((group) => group.pages).entries()) {
  const rendered = pages.get(source.name);
  if (rendered === undefined) continue;
  const place = { previous: names[index - 1], next: names[index + 1] };
  await write(source.name, formatPage({ source, rendered, groups: GROUPS, titles, ...place }, assets), HTML);
}
await write("reference", formatReference(assets), HTML);
const linked = new Map([...pages.values()].flatMap((page) => [...page.files]));
for (const [path, file] of linked) {
  const type = path.startsWith("images/") ? typeOf(path) : "text/plain; charset=utf-8";
  await write(path, readFileSync(join(root, file)), type);
}
writeFileSync(join(target, "files.json"), `${JSON.stringify(files, null, 1)}\n`);

/** Scripts, style, icon and search index, under names with the hash of their content. */
async function writeAssets(): Promise<PageAssets> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: {
      manual: "src/console/manual/manual.ts",
      theme: "src/console/manual/theme.ts",
      reference: "src/console/manual/reference.ts",
      style: "src/console/style/manual.css",
      "reference-style": "src/console/style/reference.css",
    },
    tsconfig: "src/console/tsconfig.json",
    outdir: "dist/manual",
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    charset: "utf8",
    legalComments: "none",
    write: false,
    logLevel: "warning",
  });
  const built = new Map<string, string>();
  for (const { path, contents } of outputFiles) {
    const name = path.slice(target.length + 1);
    built.set(name, await writeHashed(name, contents));
  }
  const named = (name: string): string => {
    const found = built.get(name);
    if (found === undefined) throw new Error(`esbuild made no ${name}`);
    return found;
  };
  return {
    ...{ style: named("style.css"), script: named("manual.js"), theme: named("theme.js") },
    ...{ reference: named("reference.js"), referenceStyle: named("reference-style.css") },
    searchIndex: await writeHashed("search.json", Buffer.from(JSON.stringify(createSearchIndex(pages)))),
    icon: await writeHashed("icon.svg", readFileSync(join(root, "src/console/icon.svg"))),
  };
}

async function writeHashed(name: string, contents: Uint8Array): Promise<string> {
  const hash = createHash("sha256").update(contents).digest("base64url").slice(0, 8).replaceAll("_", "-");
  const ending = extname(name);
  const path = `assets/${name.slice(0, -ending.length)}-${hash}${ending}`;
  await write(path, contents, typeOf(name));
  return path;
}

async function write(path: string, contents: Uint8Array | string, type: string): Promise<void> {
  files.push(await writeBuilt(target, path, Buffer.from(contents), type));
}

function typeOf(path: string): string {
  const type = TYPES[extname(path)];
  if (type === undefined) throw new Error(`no media type for ${path}`);
  return type;
}
