import { InputError } from "./cli-error.js";
import type { Io } from "./io.js";
import { nameOf, readTextFile } from "./text-files.js";
import { yamlToJson } from "./yaml-json.js";

/**
 * The JSON text of a policy file: JSON as it is written, down to every digit, YAML converted. By its name; standard input is JSON
 * when it starts with a brace, YAML otherwise. Throws InputError.
 */
export async function readPolicyFile(file: string, io: Io): Promise<string> {
  const text = await readTextFile(file, io);
  if (file === "-") return /^\s*\{/.test(text) ? text : yamlToJson(text, nameOf(file));
  if (/\.json$/i.test(file)) return text;
  if (/\.ya?ml$/i.test(file)) return yamlToJson(text, file);
  throw new InputError(`${file}: what is it? Call it .json, .yaml or .yml, or send it through standard input (-f -)`);
}
