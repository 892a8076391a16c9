import { YamlError } from "../../yaml/yaml-error.js";
import { yamlToJson } from "../../yaml/yaml-json.js";
import { InputError } from "./cli-error.js";
import type { Io } from "./io.js";
import { nameOf, readTextFile } from "./text-files.js";

/**
 * The JSON text of a policy file: JSON as it is written, down to every digit, YAML converted. By its name; standard input is JSON
 * when it starts with a brace, YAML otherwise. Throws InputError.
 */
export async function readPolicyFile(file: string, io: Io): Promise<string> {
  const text = await readTextFile(file, io);
  if (file === "-") return /^\s*\{/.test(text) ? text : converted(text, nameOf(file));
  if (/\.json$/i.test(file)) return text;
  if (/\.ya?ml$/i.test(file)) return converted(text, file);
  throw new InputError(`${file}: what is it? Call it .json, .yaml or .yml, or send it through standard input (-f -)`);
}

function converted(yaml: string, file: string): string {
  try {
    return yamlToJson(yaml);
  } catch (thrown) {
    if (!(thrown instanceof YamlError)) throw thrown;
    throw new InputError(`${file}:${thrown.line}:${thrown.column}: ${thrown.problem}`, { cause: thrown });
  }
}
