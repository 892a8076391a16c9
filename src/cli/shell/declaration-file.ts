import { readFileSync } from "node:fs";
import { scanStrictJson } from "../../bundle/strict-json.js";
import { AppError } from "../../core/error.js";
import type { Declaration } from "../../provision/declaration.js";
import { parseDeclaration, type SecretReference } from "../../provision/parse.js";
import { readPolicyFile } from "./policy-file.js";
import type { Shell } from "./shell.js";

/**
 * Reads a declaration (docs/provision.md) from a .yaml or .json file or standard input, and the secrets that it refers to.
 *
 * @param needsCredentials whether to read the tokens of other organizations too
 * @param onVariable called with the name of each environment variable that is read
 * @throws InputError when the file cannot be read, AppError when its content is invalid
 */
export async function readDeclaration(
  shell: Shell,
  file: string,
  needsCredentials: boolean,
  onVariable: (name: string) => void = () => undefined,
): Promise<Declaration> {
  const text = await readPolicyFile(file, shell.io);
  // Refuses duplicate keys, of which JSON.parse would silently keep one.
  scanStrictJson(text, { base: [] });
  const readSecret = (reference: SecretReference) => {
    if ("env" in reference) onVariable(reference.env);
    return secretOf(shell, reference);
  };
  return parseDeclaration(JSON.parse(text), { readSecret, needsCredentials });
}

/** Without surrounding white space, which editors and `echo` add. */
function secretOf(shell: Shell, reference: SecretReference): string {
  const where = "env" in reference ? `the variable ${reference.env}` : `the file ${reference.file}`;
  const text = "env" in reference ? (shell.io.environment[reference.env] ?? "") : contentOf(reference.file);
  if (text.trim() === "") throw new AppError("invalid", `${where} is missing or empty`);
  return text.trim();
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
