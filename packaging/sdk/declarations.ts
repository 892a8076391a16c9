import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import ts from "typescript";

const RESOLUTION: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
};

/**
 * Writes the declarations of each entry, and of all that they import, packages too: beside `dist/NAME.js` a `NAME.d.ts` that leads into
 * `dist/types`. So the package needs no other for its types, and they are those of the code that is inside.
 *
 * @param entries names and sources
 * @throws when a declaration imports what is not there, or a module of Node, whose types a browser's program does not have
 */
export function copyDeclarations(root: string, entries: Readonly<Record<string, string>>, target: string): void {
  const types = join(target, "types");
  const placeOf = (file: string) => join(types, nameOf(relative(root, file)));
  const waiting = Object.entries(entries).map(([name, file]) => {
    const declaration = join(root, "dist", file.replace(/\.ts$/, ".d.ts"));
    write(join(target, `${name}.d.ts`), `export * from ${specifier(target, placeOf(declaration))};\n`);
    return declaration;
  });
  const seen = new Set(waiting);
  for (const file of waiting) {
    const place = placeOf(file);
    const text = readFileSync(file, "utf8");
    let rest = text.length;
    const parts: string[] = [];
    for (const { fileName, pos } of ts.preProcessFile(text, true, true).importedFiles.toReversed()) {
      const imported = resolve(fileName, file);
      if (!seen.has(imported)) waiting.push(imported);
      seen.add(imported);
      const end = pos + fileName.length + 2;
      parts.unshift(specifier(dirname(place), placeOf(imported)), text.slice(end, rest));
      rest = pos;
    }
    write(place, withLibraries(text.slice(0, rest) + parts.join("")));
  }
}

/** `dist/gen/a.d.ts` is `gen/a.d.ts`, `node_modules/@a/b/dist/esm/c.d.ts` is `packages/@a/b/c.d.ts`: npm packs no node_modules. */
function nameOf(file: string): string {
  return file.replace(/^dist\//, "").replace(/^.*node_modules\/((?:@[^/]+\/)?[^/]+)\/dist\/esm\//, "packages/$1/");
}

function resolve(name: string, from: string): string {
  const { resolvedModule } = ts.resolveModuleName(name, from, RESOLUTION, ts.sys, undefined, undefined, ESM);
  if (resolvedModule === undefined || name.startsWith("node:")) throw new Error(`${from} imports ${name}`);
  return resolvedModule.resolvedFileName;
}

const ESM = ts.ModuleKind.ESNext;

/** `Disposable` is in no edition of the standard library that TypeScript takes by itself. */
function withLibraries(text: string): string {
  return /\b(Async)?Disposable\b/.test(text) ? `/// <reference lib="esnext.disposable" />\n${text}` : text;
}

function specifier(from: string, to: string): string {
  const path = relative(from, to).replace(/\.d\.ts$/, ".js");
  return JSON.stringify(path.startsWith(".") ? path : `./${path}`);
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
