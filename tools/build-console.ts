import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Metafile } from "esbuild";
import { bareDescriptors } from "../packaging/bare-descriptors.js";
import { consolePackages, writeConsoleMeta } from "../packaging/console-meta.js";
import { packageLicenses } from "../packaging/licenses.js";
import { writeBuilt, type BuiltFile } from "./built-files.js";

/**
 * Builds the console into dist/console: index.html, what it loads under names with content hashes and compressed, the licences of the
 * npm packages in it, and `files.json`, which lists them for the server and the executable. dist/console-meta.json says what each file
 * is made of.
 */
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const target = join(root, "dist/console");

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
};

const { outputFiles, metafile } = await build({
  absWorkingDir: root,
  entryPoints: {
    console: "src/console/main.tsx",
    style: "src/console/style/main.css",
    screens: "src/console/style/screens.css",
    icon: "src/console/icon.svg",
  },
  tsconfig: "src/console/tsconfig.json",
  outdir: "dist/console",
  entryNames: "assets/[name]-[hash]",
  chunkNames: "assets/[name]-[hash]",
  loader: { ".svg": "copy" },
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "browser",
  target: "es2022",
  minify: true,
  charset: "utf8",
  legalComments: "none",
  write: false,
  metafile: true,
  plugins: [bareDescriptors],
  logLevel: "warning",
});

rmSync(target, { recursive: true, force: true });
const files: BuiltFile[] = [];
for (const { path, contents } of outputFiles) files.push(await written(path.slice(target.length + 1), contents));
// The server writes its base into it, so no compressed form would be of use.
writeFileSync(join(target, "index.html"), page(metafile));
files.push({ path: "index.html", type: TYPES[".html"] ?? "", encodings: [] });
const licenses = packageLicenses(root, consolePackages(metafile)).join("\n");
files.push(await written("THIRD-PARTY-LICENSES.txt", Buffer.from(licenses)));
writeFileSync(join(target, "files.json"), `${JSON.stringify(files, null, 1)}\n`);
writeConsoleMeta(root, metafile);

/** index.html with the names that the build gave. */
function page({ outputs }: Metafile): string {
  const named = (entry: string): string => {
    const found = Object.entries(outputs).find(
      ([path, { entryPoint }]) => entryPoint === entry || path.includes(entry),
    );
    if (found === undefined) throw new Error(`esbuild made nothing of ${entry}`);
    return found[0].slice("dist/console/".length);
  };
  const script = named("src/console/main.tsx");
  const preloads = (outputs[`dist/console/${script}`]?.imports ?? []).filter(({ kind }) => kind === "import-statement");
  return readFileSync(join(root, "src/console/index.html"), "utf8")
    .replace("{icon}", named("assets/icon-"))
    .replace("{style}", named("src/console/style/main.css"))
    .replace("{screens}", named("src/console/style/screens.css"))
    .replace(/ *<link rel="modulepreload".*\n/, (line) =>
      preloads.map(({ path }) => line.replace("{preload}", path.slice("dist/console/".length))).join(""),
    )
    .replace("{script}", script);
}

async function written(path: string, contents: Uint8Array): Promise<BuiltFile> {
  const type = TYPES[extname(path)];
  if (type === undefined) throw new Error(`no media type for ${path}`);
  return await writeBuilt(target, path, contents, type);
}
