import { decodeBase64, encodeBase64 } from "../base64.js";
import { scanStrictJson } from "../strict-json.js";
import { VerificationError } from "../verification-error.js";
import { verifyEs256, type Es256PublicKey } from "./es256.js";
import { portableSha256Hex, type OpaFile, type Sha256HexOf } from "./opa-file.js";

/** The name of an archive's signature. */
export const SIGNATURES_FILE = ".signatures.json";

/** The longest `.signatures.json`: 10,000 files with names of 250 bytes need a half of it. */
const MAX_SIGNATURES_LENGTH = 8 * 1024 * 1024;

/** What an archive's signature says. */
export interface OpaClaims {
  /** Compared exactly by OPA: {@link opaScope}. */
  readonly scope: string;
  /** Seconds since 1970. */
  readonly issuedAt: number;
  /** All files but the signature itself. */
  readonly files: readonly OpaFile[];
}

/**
 * The signing input of an archive's JWT (RFC 7515, section 5.1): the ASCII text that ES256 signs. Claims as OPA reads them
 * (`bundle/verify.go`): `files` [{name, hash, algorithm}], `scope`, `iat`, `iss`.
 *
 * @param keyId the header's `kid`
 */
export function opaSigningInput(keyId: string, claims: OpaClaims, sha256Hex: Sha256HexOf = portableSha256Hex): string {
  const header = { alg: "ES256", typ: "JWT", kid: keyId };
  const payload = {
    files: claims.files.map(({ name, bytes }) => ({ name, hash: sha256Hex(bytes), algorithm: "SHA-256" })),
    iat: claims.issuedAt,
    iss: "signet",
    scope: claims.scope,
  };
  return `${encodeJson(header)}.${encodeJson(payload)}`;
}

/** The text of `.signatures.json` with one JWT. `signature` is r and s, 64 bytes. */
export function formatSignatures(signingInput: string, signature: Uint8Array): string {
  return `{"signatures":["${signingInput}.${encodeUrl(signature)}"]}`;
}

/** What {@link verifyOpaFiles} expects. */
export interface OpaTrust {
  readonly key: Es256PublicKey;
  /** The scope of the reader's own project and environment. */
  readonly scope: string;
}

/**
 * Verifies the files of an archive that Signet made, as OPA does with a key and a scope: one signature of the key over the claims, the
 * scope, and exactly the claimed files with their bytes. Returns when it was signed, in seconds since 1970.
 *
 * It is stricter than OPA in one thing: structured files must be in the form in which they are hashed.
 *
 * @throws VerificationError `signature_missing`, `malformed`, `signature`, `identity` (another scope), or `hash` for a file that was added,
 *   removed or changed; nothing of the claims is read before the signature verifies
 */
export function verifyOpaFiles(
  files: readonly OpaFile[],
  { key, scope }: OpaTrust,
  sha256Hex: Sha256HexOf = portableSha256Hex,
): number {
  const jwt = signatureIn(files);
  const [header = "", payload = "", signature = "", ...more] = jwt.split(".");
  if (more.length > 0) throw malformed("its signature is not a JWT");
  const bytes = decodeUrl(signature);
  const message = new TextEncoder().encode(`${header}.${payload}`);
  if (bytes === undefined || !verifyEs256(key, message, bytes)) {
    throw new VerificationError("signature", "the signature of the OPA bundle does not verify");
  }
  if (readObject(header)["alg"] !== "ES256") throw malformed("its signature is not ES256");
  const claims = readObject(payload);
  if (claims["scope"] !== scope) {
    throw new VerificationError("identity", `the OPA bundle is signed for another scope than ${scope}`);
  }
  requireFiles(files, claims["files"], sha256Hex);
  const issuedAt = claims["iat"];
  if (typeof issuedAt !== "number" || !Number.isSafeInteger(issuedAt)) throw malformed("it has no time");
  return issuedAt;
}

function requireFiles(files: readonly OpaFile[], claimed: unknown, sha256Hex: Sha256HexOf): void {
  const hashes = hashesOf(claimed);
  const seen = new Set<string>();
  for (const { name, bytes } of files) {
    if (name === SIGNATURES_FILE) continue;
    if (seen.has(name)) throw changed(`${JSON.stringify(name)} is there twice`);
    seen.add(name);
    if (hashes.get(name) !== sha256Hex(bytes)) throw changed(`${JSON.stringify(name)} is not what was signed`);
  }
  const missing = [...hashes.keys()].find((name) => !seen.has(name));
  if (missing !== undefined) throw changed(`${JSON.stringify(missing)} is missing`);
}

function hashesOf(claimed: unknown): ReadonlyMap<string, string> {
  if (!Array.isArray(claimed)) throw malformed("it names no files");
  const hashes = new Map<string, string>();
  for (const entry of claimed as readonly unknown[]) {
    const { name, hash, algorithm } = (entry ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof name !== "string" || typeof hash !== "string" || algorithm !== "SHA-256" || hashes.has(name)) {
      throw malformed("a file in its signature has no name or hash");
    }
    hashes.set(name, hash);
  }
  return hashes;
}

function signatureIn(files: readonly OpaFile[]): string {
  const found = files.filter(({ name }) => name === SIGNATURES_FILE);
  const [file] = found;
  if (file === undefined) throw new VerificationError("signature_missing", "the OPA bundle is not signed");
  if (found.length > 1 || file.bytes.length > MAX_SIGNATURES_LENGTH) throw malformed("it has more than one signature");
  const { signatures } = parseObject(decodeText(file.bytes));
  const [jwt] = Array.isArray(signatures) && signatures.length === 1 ? (signatures as readonly unknown[]) : [];
  if (typeof jwt !== "string") throw malformed("it does not have exactly one signature");
  return jwt;
}

function readObject(part: string): Readonly<Record<string, unknown>> {
  const bytes = decodeUrl(part);
  if (bytes === undefined) throw malformed("its signature is not a JWT");
  return parseObject(decodeText(bytes));
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    scanStrictJson(text, { maxDepth: 4 });
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null) return parsed as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw malformed("its signature is not JSON", { cause });
  }
  throw malformed("its signature is not an object");
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw malformed("its signature is not UTF-8", { cause });
  }
}

/** Base64url without padding (RFC 7515, section 2). */
function encodeUrl(bytes: Uint8Array): string {
  return encodeBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function encodeJson(value: unknown): string {
  return encodeUrl(new TextEncoder().encode(JSON.stringify(value)));
}

function decodeUrl(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return undefined;
  const padded = text + "=".repeat((4 - (text.length % 4)) % 4);
  return decodeBase64(padded.replaceAll("-", "+").replaceAll("_", "/"));
}

function malformed(what: string, options?: ErrorOptions): VerificationError {
  return new VerificationError("malformed", `the OPA bundle cannot be read: ${what}`, options);
}

function changed(what: string): VerificationError {
  return new VerificationError("hash", `the OPA bundle was changed: ${what}`);
}
