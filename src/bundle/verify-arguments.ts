import type { PublicKey } from "./keys.js";

/** Throws a TypeError that names what is wrong: a caller's mistake must not look like a bundle that is not good. */
export function checkVerifyArguments(
  text: unknown,
  keys: unknown,
  expected: Readonly<Partial<Record<"orgId" | "projectId" | "environment", unknown>>>,
  options: { readonly requireSignatureV2?: unknown; readonly verifier?: unknown },
): void {
  check(typeof text === "string", "the document must be its text, as it was served");
  check(isKeys(keys), "keys must be a list of what parsePublicKey returns");
  check(isObject(expected), "expected must be an object, empty to expect nothing");
  for (const name of ["orgId", "projectId", "environment"] as const) {
    check(["string", "undefined"].includes(typeof expected[name]), `expected.${name} must be a text`);
  }
  check(isObject(options), "options must be an object");
  const { requireSignatureV2 = true, verifier } = options;
  check(typeof requireSignatureV2 === "boolean", "requireSignatureV2 must be true or false");
  const isVerifier = isObject(verifier) && "verify" in verifier && typeof verifier.verify === "function";
  check(verifier === undefined || isVerifier, "verifier must have the method verify");
}

/** Whether a value is a list of keys, and no PEM text for example. */
export function isKeys(keys: unknown): keys is readonly PublicKey[] {
  return Array.isArray(keys) && keys.every(isKey);
}

function isKey(key: unknown): boolean {
  return isObject(key) && "bytes" in key && key.bytes instanceof Uint8Array && "keyId" in key;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function check(isGood: boolean, message: string): void {
  if (!isGood) throw new TypeError(message);
}
