import { isAbsolute, normalize, resolve } from "node:path";
import type { FieldErrors } from "../../core/field-errors.js";
import type { CommandRule } from "../outputs/command.js";
import {
  DEFAULT_DIRECTORY_MODE,
  MAX_NAME_BYTES,
  OUTPUT_KINDS,
  type OutputKind,
  type OutputRule,
} from "../outputs/output-rule.js";
import { ConfigFields, type ConfigPath } from "./config-fields.js";

const MAX_OUTPUTS = 64;
const MAX_ARGUMENTS = 256;
const DEFAULT_TIMEOUT_MS = 60_000;
const MAX_TIMEOUT_SECONDS = 3600;

/** The outputs of an environment; problems are added to the fields' own. */
export function parseOutputs(fields: ConfigFields, base: string): readonly OutputRule[] {
  const outputs: OutputRule[] = [];
  for (const [item, path] of fields.list("outputs", MAX_OUTPUTS)) {
    const output = outputOf(new ConfigFields(item, path, fields.problems), base);
    if (output === undefined) continue;
    const isTaken = outputs.some((other) => other.path === output.path);
    if (isTaken) fields.problems.add([...path, output.kind], "names the path of another output", "duplicate");
    outputs.push(output);
  }
  return outputs;
}

function outputOf(fields: ConfigFields, base: string): OutputRule | undefined {
  const given = OUTPUT_KINDS.flatMap((kind): readonly (readonly [OutputKind, string])[] => {
    const path = fields.text(kind);
    return path === undefined ? [] : [[kind, path]];
  });
  const mode = fields.mode("mode") ?? null;
  const directoryMode = fields.mode("directory_mode");
  fields.end();
  const [[kind, text] = []] = given;
  if (kind === undefined || text === undefined || given.length > 1) {
    fields.problems.add(fields.path, `must have one of ${OUTPUT_KINDS.join(", ")}`, "missing");
    return undefined;
  }
  if (directoryMode !== undefined && kind !== "files") {
    return fields.refuse("directory_mode", "is for files alone", "unsupported");
  }
  const path = isAbsolute(text) ? normalize(text) : resolve(base, text);
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (name === "" || text.endsWith("/")) return fields.refuse(kind, "must end in a name, without a slash", "format");
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
    return fields.refuse(kind, `must end in a name of at most ${MAX_NAME_BYTES} bytes`, "length");
  }
  return { kind, path, mode, directoryMode: directoryMode ?? DEFAULT_DIRECTORY_MODE };
}

/** A command: a text for the shell, a list of program and arguments, or either with a timeout; null when there is none. */
export function parseCommand(fields: ConfigFields, name: string): CommandRule | null {
  const value = fields.value(name);
  if (value === undefined) return null;
  if (typeof value === "string" || Array.isArray(value)) {
    return commandOf(value, DEFAULT_TIMEOUT_MS, fields.at(name), fields.problems);
  }
  const own = new ConfigFields(value, fields.at(name), fields.problems);
  const command = own.value("command");
  const timeoutMs = own.time("timeout", MAX_TIMEOUT_SECONDS) ?? DEFAULT_TIMEOUT_MS;
  own.end();
  return commandOf(command, timeoutMs, own.at("command"), fields.problems);
}

function commandOf(value: unknown, timeoutMs: number, path: ConfigPath, problems: FieldErrors): CommandRule | null {
  if (typeof value === "string" && value.trim() !== "" && !value.includes("\0")) {
    return { argv: ["/bin/sh", "-c", value], shown: value.trim(), timeoutMs };
  }
  const words: readonly unknown[] = Array.isArray(value) ? value : [];
  const [program, ...args] = words.filter((word): word is string => typeof word === "string" && !word.includes("\0"));
  const isWhole = program !== undefined && program !== "" && args.length === words.length - 1;
  if (isWhole && words.length <= MAX_ARGUMENTS) {
    return { argv: [program, ...args], shown: [program, ...args].join(" "), timeoutMs };
  }
  problems.add(path, "must be a text for the shell, or a list of a program and its arguments", "type");
  return null;
}
