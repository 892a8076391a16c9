import { readFileSync } from "node:fs";
import { AppError } from "../../core/error.js";
import { systemReason } from "../../sdk/runtime/node/node-files.js";
import type { TokenReference } from "./agent-config.js";

/**
 * Reads a token: from a file, or from a variable or the file that `<variable>_FILE` names. Without surrounding white space.
 *
 * @throws AppError `unauthenticated` where there is none, or none that a header can carry; the message names the place, never the token
 */
export function readToken(
  reference: TokenReference,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const named = "env" in reference ? environment[`${reference.env}_FILE`] : reference.file;
  const file = named === "" ? undefined : named;
  const place = "env" in reference ? placeOf(reference.env, file) : `the token file ${reference.file}`;
  const text = file === undefined && "env" in reference ? (environment[reference.env] ?? "") : contentOf(file ?? "");
  const token = text.trim();
  if (token === "") throw new AppError("unauthenticated", `no token: ${place} is missing or empty`);
  if (!/^[\x20-\x7e]+$/.test(token)) {
    throw new AppError("unauthenticated", `${place} is no token: only printable ASCII characters are allowed`);
  }
  return token;
}

/** The variables that may hold a token, which commands do not inherit. */
export function variablesOf(reference: TokenReference): readonly string[] {
  return "env" in reference ? [reference.env, `${reference.env}_FILE`] : [];
}

function placeOf(name: string, file: string | undefined): string {
  return file === undefined ? `the variable ${name} (or ${name}_FILE)` : `the file of ${name}_FILE, ${file},`;
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (thrown) {
    throw new AppError("unauthenticated", `cannot read the token file ${file}: ${systemReason(thrown)}`, {
      cause: thrown,
    });
  }
}
