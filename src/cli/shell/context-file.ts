import { mkdirSync, readFileSync, statSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { defined } from "../../core/defined.js";
import { InputError, UsageError } from "./cli-error.js";
import type { Io } from "./io.js";
import { systemReason } from "../../sdk/runtime/node/node-files.js";
import { writeFileAtomically } from "./text-files.js";

/** A server as `signet login` and `signet context set` keep it. Paths are absolute. */
export interface Context {
  readonly url: string;
  /** Path of a PEM file, as are the next two. */
  readonly ca?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
  /** The raw token; a secret. Absent after `signet logout`. */
  readonly token?: string;
  /** Defaults of `--org`, `--project` and `--env`. */
  readonly org?: string;
  readonly project?: string;
  readonly env?: string;
}

/** The content of the context file. */
export interface Contexts {
  /** The context of commands that name none; null when there is none. */
  readonly current: string | null;
  readonly all: ReadonlyMap<string, Context>;
}

const FORMAT = 1;

const NONE: Contexts = { current: null, all: new Map() };

const FIELDS = ["url", "ca", "clientCert", "clientKey", "token", "org", "project", "env"] as const;

/**
 * The path of the context file: SIGNET_CONFIG, else `signet/contexts.json` in the directory for configuration of the XDG Base Directory
 * Specification (which says to ignore a relative XDG_CONFIG_HOME), on Windows in APPDATA. Undefined when the environment names no home.
 */
export function contextFilePath(environment: Io["environment"]): string | undefined {
  const { SIGNET_CONFIG = "", XDG_CONFIG_HOME = "", HOME = "", APPDATA = "" } = environment;
  if (SIGNET_CONFIG !== "") return SIGNET_CONFIG;
  const base = isAbsolute(XDG_CONFIG_HOME) ? XDG_CONFIG_HOME : HOME === "" ? APPDATA : join(HOME, ".config");
  return base === "" ? undefined : join(base, "signet", "contexts.json");
}

/**
 * The kept contexts; none when there is no file. Throws InputError for a file that other users can read, that cannot be read, or whose
 * content a newer version of the program wrote.
 */
export function readContexts(environment: Io["environment"]): Contexts {
  const file = contextFilePath(environment);
  const stat = file === undefined ? undefined : statSync(file, { throwIfNoEntry: false });
  if (file === undefined || stat === undefined) return NONE;
  if (process.platform !== "win32" && (stat.mode & 0o077) !== 0) {
    throw new InputError(`other users can read ${file}, which holds tokens: make it private (chmod 600)`);
  }
  try {
    return parse(readFileSync(file, "utf8"), file);
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw new InputError(`cannot read ${file}: ${systemReason(cause)}`, { cause });
  }
}

/** Replaces the context file, mode 0600, in a directory that it makes with mode 0700. Throws UsageError when there is no place for it. */
export async function writeContexts(environment: Io["environment"], { current, all }: Contexts): Promise<void> {
  const file = contextFilePath(environment);
  if (file === undefined)
    throw new UsageError("no place to keep a context: set HOME, XDG_CONFIG_HOME or SIGNET_CONFIG");
  const content = { version: FORMAT, current, contexts: Object.fromEntries(all) };
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new InputError(`cannot write ${file}: ${systemReason(cause)}`, { cause });
  }
  await writeFileAtomically(file, `${JSON.stringify(content, null, 2)}\n`, 0o600);
}

/** The contexts with one more, or with a new value of it. */
export function withContext(contexts: Contexts, name: string, context: Context): Contexts {
  return { ...contexts, all: new Map(contexts.all).set(name, context) };
}

/** Throws UsageError unless the text can name a context: letters, digits, `.`, `_` and `-`, at most 63. */
export function checkContextName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name)) return name;
  throw new UsageError(
    `"${name}" cannot name a context: use letters, digits, dots, dashes and underscores, at most 63`,
  );
}

/** The context of that name. Throws UsageError that lists the existing ones. */
export function contextNamed({ all }: Contexts, name: string): Context {
  const context = all.get(name);
  if (context !== undefined) return context;
  const names = [...all.keys()].join(", ");
  throw new UsageError(`no context "${name}": ${names === "" ? "create one with signet login" : `existing: ${names}`}`);
}

function parse(text: string, file: string): Contexts {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw new InputError(`${file} is not a context file: it is not JSON`, { cause });
  }
  const { version, current, contexts } = (content ?? {}) as Record<string, unknown>;
  if (typeof version === "number" && version > FORMAT) {
    throw new InputError(`${file} was written by a newer version of signet: update this one, or set SIGNET_CONFIG`);
  }
  if (version !== FORMAT || typeof contexts !== "object" || contexts === null) {
    throw new InputError(`${file} is not a context file`);
  }
  const all = new Map(Object.entries(contexts).map(([name, value]) => [name, contextOf(value, `${file}: ${name}`)]));
  return { current: typeof current === "string" && all.has(current) ? current : null, all };
}

function contextOf(value: unknown, where: string): Context {
  const given = (value ?? {}) as Record<string, unknown>;
  const texts = FIELDS.map((field) => [field, given[field]] as const);
  const isText = texts.every(([, text]) => text === undefined || typeof text === "string");
  if (!isText || typeof given["url"] !== "string") throw new InputError(`${where} is not a context`);
  return defined(Object.fromEntries(texts)) as unknown as Context;
}
