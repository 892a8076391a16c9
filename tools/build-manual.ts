import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Builds the documentation into dist/manual, when something that it is made of has changed: `manual-inputs.json` beside it has the
 * hash of each input of the last build.
 */
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const target = join(root, "dist/manual");
const inputsFile = join(root, "dist/manual-inputs.json");

/** Files whose names are not known from the last build: a new one changes what is built. */
const listed = ["docs", "tools/manual"].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => /\.(md|ts)$/.test(name))
    .map((name) => `${folder}/${name}`),
);

if (!isUpToDate()) {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  // Not before it is needed: most builds change no page.
  const { buildManual } = await import("./manual/build.js");
  const inputs = new Set([
    ...(await buildManual(root, target)),
    ...listed,
    "tools/built-files.ts",
    "package-lock.json",
  ]);
  writeFileSync(inputsFile, JSON.stringify(Object.fromEntries([...inputs].map((file) => [file, hashOf(file)]))));
}

function isUpToDate(): boolean {
  if (!existsSync(inputsFile) || !existsSync(join(target, "files.json"))) return false;
  const known = JSON.parse(readFileSync(inputsFile, "utf8")) as Readonly<Record<string, string>>;
  return listed.every((file) => file in known) && Object.entries(known).every(([file, hash]) => hashOf(file) === hash);
}

/** Null for a file that is not there. */
function hashOf(file: string): string | null {
  const path = join(root, file);
  return existsSync(path) ? createHash("sha256").update(readFileSync(path)).digest("base64url") : null;
}
