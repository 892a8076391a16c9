import type { PublicKey } from "./keys.js";

/**
 * Throws a TypeError that names the invalid argument: a mistake of the caller must not look like an invalid bundle. Does not repeat the
 * value, which can be a secret.
 */
export function check(isValid: boolean, name: string, wanted: string): void {
  if (!isValid) throw new TypeError(`${name} must be ${wanted}`);
}

/** Checks the arguments of verifyDocument. Throws like {@link check}. */
export function checkVerifyArguments(
  text: unknown,
  keys: unknown,
  expected: Readonly<Partial<Record<"orgId" | "projectId" | "environment", unknown>>>,
  options: { readonly requireSignatureV2?: unknown; readonly verifier?: unknown },
): void {
  check(typeof text === "string", "the document", "its text, as it was served");
  check(isKeys(keys), "keys", "a list of what parsePublicKey returns");
  check(isObject(expected), "expected", "an object, empty to expect nothing");
  for (const name of ["orgId", "projectId", "environment"] as const) {
    check(["string", "undefined"].includes(typeof expected[name]), `expected.${name}`, "a text");
  }
  check(isObject(options), "options", "an object");
  const { requireSignatureV2 = true, verifier } = options;
  check(typeof requireSignatureV2 === "boolean", "requireSignatureV2", "true or false");
  check(verifier === undefined || hasMethods(verifier, "verify"), "verifier", "an object with verify");
}

/** Whether a value is a list of public keys, and not a PEM text for example. */
export function isKeys(keys: unknown): keys is readonly PublicKey[] {
  return Array.isArray(keys) && keys.every(isKey);
}

function isKey(key: unknown): boolean {
  return isObject(key) && "bytes" in key && key.bytes instanceof Uint8Array && "keyId" in key;
}

/** Whether a value is an object or an array. */
export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** Whether a value is an object with these methods. */
export function hasMethods(value: unknown, ...names: readonly string[]): boolean {
  return isObject(value) && names.every((name) => typeof (value as Record<string, unknown>)[name] === "function");
}
