import { createHash, createPublicKey } from "node:crypto";
import { stat } from "node:fs/promises";
import { AppError } from "../../core/error.js";
import { parsePublicKey, type Key, type PublicKey } from "../../sdk/index.js";
import { InputError } from "./cli-error.js";
import type { Session } from "./session.js";
import type { Shell } from "./shell.js";
import { nameOf, readTextFile } from "./text-files.js";

/** Reads one or more public keys from a PEM file, or standard input for `-`. Throws InputError for anything else. */
export async function readKeys(file: string, shell: Shell): Promise<readonly PublicKey[]> {
  const text = await readTextFile(file, shell.io);
  const blocks = text.match(/-----BEGIN [^]*?-----END [^\n]*/g) ?? [];
  if (blocks.length === 0) throw new InputError(`${nameOf(file)} contains no PEM public key`);
  return blocks.map((pem) => parseKey(pem, nameOf(file)));
}

/**
 * The public keys of a PEM file, read again when it changes; when the new content cannot be used, the previous keys stay and a notice
 * says so. Throws InputError when the first read fails.
 */
export async function followKeys(file: string, shell: Shell): Promise<() => Promise<readonly PublicKey[]>> {
  let keys = await readKeys(file, shell);
  if (file === "-") return async () => keys;
  let seen = await stateOf(file);
  return async () => {
    const now = await stateOf(file);
    if (now === seen) return keys;
    seen = now;
    try {
      keys = await readKeys(file, shell);
      shell.notice(`${nameOf(file)} has changed: trusting ${keys.map(({ keyId }) => keyId).join(", ")}`);
    } catch (thrown) {
      shell.notice(`keeping the previous keys: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    }
    return keys;
  };
}

/** Changes when the file is changed or replaced; empty for a missing file. */
async function stateOf(file: string): Promise<string> {
  const found = await stat(file, { bigint: true }).catch(() => null);
  return found === null ? "" : [found.ino, found.size, found.mtimeNs].join(" ");
}

/** The server's keys for a purpose. Prints their fingerprints: the keys are only as trustworthy as the connection. */
export async function fetchKeys(session: Session, purpose: string, shell: Shell): Promise<readonly PublicKey[]> {
  const { keys } = await session.client.bundles.listKeys({});
  const trusted = keys.filter((key) => key.purpose === purpose);
  for (const key of trusted) {
    shell.notice(`trusting the server's ${purpose} key ${key.keyId}, ${fingerprint(key)}; pin it with --keys`);
  }
  return trusted.map((key) => parseKey(key.publicKeyPem, `key ${key.keyId} of the server`));
}

/** `SHA256:` and the hex SHA-256 of the SubjectPublicKeyInfo, for comparison; its first 16 digits are the key id. */
export function fingerprint({ publicKeyPem }: Key): string {
  const spki = createPublicKey(publicKeyPem).export({ type: "spki", format: "der" });
  return `SHA256:${createHash("sha256").update(spki).digest("hex")}`;
}

function parseKey(pem: string, where: string): PublicKey {
  try {
    return parsePublicKey(pem);
  } catch (thrown) {
    if (thrown instanceof AppError) throw new InputError(`${where}: ${thrown.message}`, { cause: thrown });
    throw thrown;
  }
}
