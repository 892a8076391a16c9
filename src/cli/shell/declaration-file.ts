import { readFileSync } from "node:fs";
import { scanStrictJson } from "../../bundle/strict-json.js";
import { AppError } from "../../core/error.js";
import type { Declaration } from "../../provision/declaration.js";
import { parseDeclaration, type SecretReference } from "../../provision/parse.js";
import { readPolicyFile } from "./policy-file.js";
import type { Shell } from "./shell.js";

/**
 * Reads a declaration (docs/provision.md) from a .yaml or .json file or standard input, with the secrets that it refers to.
 *
 * @param needsCredentials whether the tokens of other organizations are read too
 * @param onVariable told of each variable that is read
 * @throws InputError for a file that cannot be read, AppError for one that cannot be used
 */
export async function readDeclaration(
  shell: Shell,
  file: string,
  needsCredentials: boolean,
  onVariable: (name: string) => void = () => undefined,
): Promise<Declaration> {
  const text = await readPolicyFile(file, shell.io);
  // Equal keys, of which JSON.parse would keep one without a word.
  scanStrictJson(text, { base: [] });
  const readSecret = (reference: SecretReference) => {
    if ("env" in reference) onVariable(reference.env);
    return secretOf(shell, reference);
  };
  return parseDeclaration(JSON.parse(text), { readSecret, needsCredentials });
}

/** Without the white space around it, which editors and `echo` leave. */
function secretOf(shell: Shell, reference: SecretReference): string {
  const where = "env" in reference ? `the variable ${reference.env}` : `the file ${reference.file}`;
  const text = "env" in reference ? (shell.io.environment[reference.env] ?? "") : contentOf(reference.file);
  if (text.trim() === "") throw new AppError("invalid", `cannot be read: ${where} is not there or empty`);
  return text.trim();
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
