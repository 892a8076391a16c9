import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { build } from "esbuild";
import { writeBuilt, type BuiltFile } from "../built-files.js";
import { GROUPS } from "./contents.js";
import { renderMarkdown, type Rendered } from "./markdown.js";
import { formatPage, type PageAssets } from "./page.js";
import { formatReference } from "./reference.js";
import { createSearchIndex } from "./search-index.js";

const ICON = "src/console/icon.svg";
const HTML = "text/html; charset=utf-8";
const TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".json": "application/json",
};

/**
 * Builds the documentation into a folder: each page as HTML, what it shows and links to, a search index, and the page around the
 * reference of the API. All of it compressed, and listed in `files.json` by the path below /docs/.
 *
 * @returns the files of the repository that it is made of, below the root
 */
export async function buildManual(root: string, target: string): Promise<readonly string[]> {
  const sources = GROUPS.flatMap((group) => group.pages);
  const pages = new Map(sources.map(({ file, name }) => [name, renderMarkdown(root, file)]));
  const manual: Manual = { root, target, files: [] };
  const { assets, inputs } = await writeAssets(manual, pages);
  const names = [...pages.keys()];
  const titles = new Map([...pages].map(([name, { title }]) => [name, name === "start" ? "Start" : title]));
  for (const [index, source] of sources.entries()) {
    const rendered = pages.get(source.name);
    if (rendered === undefined) continue;
    const place = { previous: names[index - 1], next: names[index + 1] };
    await write(manual, source.name, formatPage({ source, rendered, groups: GROUPS, titles, ...place }, assets), HTML);
  }
  await write(manual, "reference", formatReference(assets), HTML);
  const linked = new Map([...pages.values()].flatMap((page) => [...page.files]));
  for (const [path, file] of linked) {
    const type = path.startsWith("images/") ? typeOf(path) : "text/plain; charset=utf-8";
    await write(manual, path, readFileSync(join(root, file)), type);
  }
  writeFileSync(join(target, "files.json"), `${JSON.stringify(manual.files, null, 1)}\n`);
  return [...sources.map(({ file }) => file), ...linked.values(), ...inputs];
}

/** What is being built. */
interface Manual {
  readonly root: string;
  readonly target: string;
  readonly files: BuiltFile[];
}

/** Scripts, style, icon and search index, under names with the hash of their content. */
async function writeAssets(
  manual: Manual,
  pages: ReadonlyMap<string, Rendered>,
): Promise<{ readonly assets: PageAssets; readonly inputs: readonly string[] }> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: manual.root,
    entryPoints: {
      manual: "src/console/manual/manual.ts",
      theme: "src/console/manual/theme.ts",
      reference: "src/console/manual/reference.ts",
      style: "src/console/style/manual.css",
      "reference-style": "src/console/style/reference.css",
    },
    tsconfig: "src/console/tsconfig.json",
    outdir: manual.target,
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    charset: "utf8",
    legalComments: "none",
    write: false,
    metafile: true,
    logLevel: "warning",
  });
  const built = new Map<string, string>();
  for (const { path, contents } of outputFiles) {
    const name = path.slice(manual.target.length + 1);
    built.set(name, await writeHashed(manual, name, contents));
  }
  const named = (name: string): string => {
    const found = built.get(name);
    if (found === undefined) throw new Error(`esbuild made no ${name}`);
    return found;
  };
  const assets = {
    ...{ style: named("style.css"), script: named("manual.js"), theme: named("theme.js") },
    ...{ reference: named("reference.js"), referenceStyle: named("reference-style.css") },
    searchIndex: await writeHashed(manual, "search.json", Buffer.from(JSON.stringify(createSearchIndex(pages)))),
    icon: await writeHashed(manual, "icon.svg", readFileSync(join(manual.root, ICON))),
  };
  return { assets, inputs: [...Object.keys(metafile.inputs), ICON] };
}

async function writeHashed(manual: Manual, name: string, contents: Uint8Array): Promise<string> {
  const hash = createHash("sha256").update(contents).digest("base64url").slice(0, 8).replaceAll("_", "-");
  const ending = extname(name);
  const path = `assets/${name.slice(0, -ending.length)}-${hash}${ending}`;
  await write(manual, path, contents, typeOf(name));
  return path;
}

async function write(manual: Manual, path: string, contents: Uint8Array | string, type: string): Promise<void> {
  manual.files.push(await writeBuilt(manual.target, path, Buffer.from(contents), type));
}

function typeOf(path: string): string {
  const type = TYPES[extname(path)];
  if (type === undefined) throw new Error(`no media type for ${path}`);
  return type;
}
