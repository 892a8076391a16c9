import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Metafile } from "esbuild";
import { packageOf } from "./bundle.js";
import { readConsoleMeta } from "./console-meta.js";

const OUT = "dist/console/";

/** A part of the console that is loaded at once. Bytes are those of gzip. */
export interface ConsolePart {
  /** `first load`, or the name of a lazily loaded module, without its hash. */
  readonly name: string;
  /** What it loads beyond the first load. */
  readonly files: readonly string[];
  readonly gzipBytes: number;
  /** What its code is made of: an npm package or a folder of ours, and its share of `gzipBytes`; the largest first. */
  readonly shares: readonly (readonly [source: string, bytes: number])[];
}

/**
 * The parts of the built console, the first load before the others: `index.html` with the scripts and styles that it names and what
 * these import. Of the others each by itself, as if it were the first one that is opened.
 */
export function consoleParts(root: string): readonly ConsolePart[] {
  const meta = readConsoleMeta(root);
  const page = readFileSync(join(root, OUT, "index.html"), "utf8");
  const named = [...page.matchAll(/(?:src|href)="(assets\/[^"]+)"/g)].map(([, path = ""]) => OUT + path);
  const first = closure(meta, named);
  const lazy = Object.values(meta.outputs).flatMap(({ imports }) =>
    imports.flatMap(({ kind, path }) => (kind === "dynamic-import" ? [path] : [])),
  );
  const parts = [...new Set(lazy)].map((path) => {
    const beyond = [...closure(meta, [path])].filter((each) => !first.has(each));
    return partOf(root, meta, path.slice(`${OUT}assets/`.length).replace(/-\w+\.js$/, ""), beyond);
  });
  parts.sort((a, b) => b.gzipBytes - a.gzipBytes);
  return [partOf(root, meta, "first load", [`${OUT}index.html`, ...first]), ...parts];
}

/** Files with all that they import at once. */
function closure({ outputs }: Metafile, files: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (file: string) => {
    if (found.has(file)) return;
    found.add(file);
    for (const { kind, path } of outputs[file]?.imports ?? []) if (kind === "import-statement") visit(path);
  };
  files.forEach(visit);
  return found;
}

function partOf(root: string, { outputs }: Metafile, name: string, files: readonly string[]): ConsolePart {
  const shares = new Map<string, number>();
  let gzipBytes = 0;
  for (const file of files) {
    const size = gzipSync(readFileSync(join(root, file)), { level: 9 }).byteLength;
    gzipBytes += size;
    const { bytes = 1, inputs = {} } = outputs[file] ?? {};
    const rest = Object.entries(inputs).reduce((left, [input, { bytesInOutput }]) => {
      const source = packageOf(input)?.replace(/^.*node_modules\//, "") ?? folderOf(input);
      shares.set(source, (shares.get(source) ?? 0) + (size * bytesInOutput) / bytes);
      return left - (size * bytesInOutput) / bytes;
    }, size);
    shares.set("(imports, page)", (shares.get("(imports, page)") ?? 0) + rest);
  }
  const sorted = [...shares].map(([source, bytes]) => [source, Math.round(bytes)] as const);
  return { name, files, gzipBytes, shares: sorted.sort((a, b) => b[1] - a[1]) };
}

/** `src/console/elements/button.tsx` is `src/console/elements`, `gen/signet/v1/bundle_pb.ts` itself. */
function folderOf(input: string): string {
  return input.startsWith("gen/") ? input : input.split("/").slice(0, -1).join("/");
}
