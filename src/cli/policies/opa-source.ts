import { parseOpaPolicies } from "../../bundle/opa/opa-policies.js";
import { scanStrictJson } from "../../bundle/strict-json.js";
import { AppError } from "../../core/error.js";
import { printable } from "../../core/printable.js";
import { InputError } from "../shell/cli-error.js";
import { shownPath, type FoundFiles } from "./found-files.js";

/** What the command line says of the policies, in place of their manifest. */
export interface OpaOverrides {
  readonly roots?: readonly string[];
  readonly regoVersion?: 0 | 1;
}

/** What a `.manifest` says that is kept. */
interface Manifest {
  readonly roots: unknown;
  readonly regoVersion: unknown;
}

/**
 * The policies of a folder or an archive as they are published: `{"files", "roots", "rego_version"}`, JSON text. Roots and version are those
 * of the command line, else of the `.manifest`, else all of data and 1.
 *
 * @param source its name in errors
 * @throws InputError with the path of a file that is not UTF-8 or that the server would refuse, and for a manifest that asks for what cannot
 *   be kept
 */
export function opaPolicies(source: string, found: FoundFiles, overrides: OpaOverrides): string {
  const manifest = found.manifest === null ? null : manifestOf(source, found.manifest);
  const policies = JSON.stringify({
    files: Object.fromEntries(found.files.map(({ path, bytes }) => [path, textOf(source, path, bytes)])),
    roots: overrides.roots ?? manifest?.roots ?? [""],
    rego_version: overrides.regoVersion ?? manifest?.regoVersion ?? 1,
  });
  if (found.files.length === 0) throw new InputError(`${source} has no *.rego, data.json or data.yaml`);
  requireOpaPolicies(source, policies);
  return policies;
}

/** Checks policies as the server does, but for data.yaml: its first problems are told before anything is sent. */
export function requireOpaPolicies(source: string, policies: string): void {
  try {
    parseOpaPolicies(policies, { readYaml: null });
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    const [first, ...more] = thrown.fields;
    const [, , place = "", path, ...inside] = first?.loc ?? [];
    const isFile = place === "files" && path !== undefined;
    const where = isFile ? shownPath(source, path) : `${source}: ${[place, path, ...inside].filter(Boolean).join(".")}`;
    const others = more.length === 0 ? "" : ` (and ${more.length} more)`;
    throw new InputError(printable(`${where} ${first?.msg ?? thrown.message}`) + others, { cause: thrown });
  }
}

/** A byte-order mark stays: the text has the bytes of the file. */
function textOf(source: string, path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new InputError(`${shownPath(source, path)} is not valid UTF-8`, { cause });
  }
}

function manifestOf(source: string, text: string): Manifest {
  const where = shownPath(source, ".manifest");
  let manifest: Record<string, unknown>;
  try {
    scanStrictJson(text, { anyNumber: true });
    manifest = JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new InputError(`${where} is ${(cause as Error).message}`, { cause });
  }
  const { roots, rego_version: regoVersion, file_rego_versions: versions, wasm } = manifest;
  if (!isEmpty(versions))
    throw new InputError(`${where} has file_rego_versions: one version of Rego must be that of all files`);
  if (!isEmpty(wasm)) throw new InputError(`${where} has WebAssembly, which cannot be published: build it for rego`);
  return { roots, regoVersion };
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === "object" && Object.keys(value).length === 0);
}
