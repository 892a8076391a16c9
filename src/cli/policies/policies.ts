import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import { InvalidArgumentError, Option, type Command } from "commander";
import { OPA_POLICIES, JSON_POLICIES, type MediaType } from "../../core/bundle.js";
import { defined } from "../../core/defined.js";
import { printable } from "../../core/printable.js";
import { InputError, UsageError } from "../shell/cli-error.js";
import type { Io } from "../shell/io.js";
import { parsePolicyText, type ReadOptions } from "../shell/policy-file.js";
import type { Shell } from "../shell/shell.js";
import { systemReason } from "../../sdk/runtime/node/node-files.js";
import { decodeText, readAll } from "../shell/text-files.js";
import type { FoundFiles } from "./found-files.js";
import { isOpaArchive, readOpaArchive } from "./opa-archive.js";
import { readOpaFolder } from "./opa-folder.js";
import { opaPolicies, requireOpaPolicies, type OpaOverrides } from "./opa-source.js";

/** Policies as they are sent. */
export interface GivenPolicies {
  /** JSON text. */
  readonly policies: string;
  readonly mediaType: MediaType;
}

/** The options of {@link withPolicyKind}. */
export interface KindOptions {
  readonly kind?: "json" | "opa";
  readonly opaRoot?: readonly string[];
  readonly regoVersion?: 0 | 1;
  readonly ignoreTests?: true;
}

/** Of one file: more than a server takes by default, in any spelling. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;

/** Paths that are named in a notice. */
const MAX_NAMED = 3;

/** Adds the options for policies of kind OPA (KindOptions). */
export function withPolicyKind(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--kind <kind>",
        "what the policies are (default: opa for a folder, an archive and .rego, else json)",
      ).choices(["json", "opa"]),
    )
    .option(
      "--opa-root <path>",
      "path of OPA's data that the policies own; may be repeated (default: .manifest, or all)",
      addRoot,
    )
    .addOption(
      new Option("--rego-version <version>", "version of Rego (default: .manifest, or 1)")
        .choices(["0", "1"])
        .argParser((text) => regoVersion(text)),
    )
    .option("--ignore-tests", "leave *_test.rego out");
}

/** How policies of kind OPA are read: a part of the help of commands that take them. */
export const OPA_HELP = `
A folder, a tar archive (.tar, .tar.gz, as opa build makes it) or a .rego file is published as Rego for Open Policy Agent: *.rego,
data.json and data.yaml under their paths, roots and rego_version of .manifest. Hidden files are skipped; symbolic links, and data under
other names, are refused. With --kind opa a JSON or YAML file has {"files": {path: text}, "roots": [...], "rego_version": 1}.`;

/**
 * Reads the policies of a command: a document, or Rego files of a folder, an archive or one file. Tells what it left out.
 *
 * @param file a path, or `-` for standard input
 * @throws InputError, and UsageError for options that go with the other kind
 */
export async function readPolicies(
  shell: Pick<Shell, "io" | "notice">,
  file: string,
  reading: ReadOptions,
  { kind, opaRoot, regoVersion, ignoreTests }: KindOptions,
): Promise<GivenPolicies> {
  const overrides: OpaOverrides = defined({ roots: opaRoot, regoVersion });
  const found = await filesOf(shell.io, file, ignoreTests === true);
  if ("files" in found) {
    if (kind === "json")
      throw new UsageError(`${nameIn(file)} has Rego for OPA: --kind json is for a JSON or YAML document`);
    if (reading.under !== undefined) throw new UsageError("--under is for a JSON or YAML document");
    if (found.leftOut.length > 0) shell.notice(printable(`left out: ${named(found.leftOut)}`));
    return { policies: opaPolicies(nameIn(file), found, overrides), mediaType: OPA_POLICIES };
  }
  if (opaRoot !== undefined || regoVersion !== undefined || ignoreTests === true)
    throw new UsageError("--opa-root, --rego-version and --ignore-tests are for a folder, an archive or a .rego file");
  const policies = parsePolicyText(decodeText(found.text, file), file, reading);
  if (kind !== "opa") return { policies, mediaType: JSON_POLICIES };
  requireOpaPolicies(nameIn(file), policies);
  return { policies, mediaType: OPA_POLICIES };
}

async function filesOf(io: Io, file: string, ignoreTests: boolean): Promise<FoundFiles | { readonly text: Buffer }> {
  const choice = { ignoreTests };
  if (file !== "-") {
    const stats = await stat(file).catch((cause: unknown) => unreadable(file, cause));
    if (stats.isDirectory()) return await readOpaFolder(file, choice);
    if (stats.size > MAX_FILE_BYTES) throw new InputError(`${file} has more than ${MAX_FILE_BYTES} bytes`);
  }
  const bytes = await (file === "-" ? readAll(io.stdin) : readFile(file)).catch((cause: unknown) =>
    unreadable(file, cause),
  );
  if (isOpaArchive(bytes)) return await readOpaArchive(bytes, nameIn(file), choice);
  if (/\.(?:tar|tgz|tar\.gz)$/i.test(file)) throw new InputError(`${file} is no tar archive`);
  if (!file.endsWith(".rego")) return { text: bytes };
  return { files: [{ path: basename(file), bytes }], manifest: null, leftOut: [] };
}

function unreadable(file: string, cause: unknown): never {
  throw new InputError(`cannot read ${nameIn(file)}: ${systemReason(cause)}`, { cause });
}

function nameIn(file: string): string {
  return file === "-" ? "standard input" : file;
}

function named(paths: readonly string[]): string {
  const more = paths.length > MAX_NAMED ? ` and ${paths.length - MAX_NAMED} more` : "";
  return `${paths.slice(0, MAX_NAMED).join(", ")}${more}`;
}

function addRoot(text: string, roots: readonly string[] = []): readonly string[] {
  return [...roots, text];
}

function regoVersion(text: string): 0 | 1 {
  if (text !== "0" && text !== "1") throw new InvalidArgumentError("Allowed choices are 0, 1.");
  return text === "0" ? 0 : 1;
}
