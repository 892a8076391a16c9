import { existsSync } from "node:fs";
import { basename } from "node:path";
import { envelopeKeyId } from "../../bundle/envelope/dsse.js";
import type { PublicKey } from "../../bundle/keys.js";
import { nameOfKey, type Root } from "../../bundle/trust/root.js";
import { AppError } from "../../core/error.js";
import { printable } from "../../core/printable.js";
import { parsePublicKey } from "../../sdk/index.js";
import { InputError } from "../shell/cli-error.js";
import type { Shell } from "../shell/shell.js";
import { nameOf, readTextFile } from "../shell/text-files.js";
import { publicHalfIn } from "./private-keys.js";

/** A public key of a file, with the name that a root gives it. */
export interface NamedKey {
  readonly key: PublicKey;
  /** The name of the file without its extension. */
  readonly name: string;
}

/** The least of a key id that stands for it. */
const LEAST_DIGITS = 8;

/** Reads the public key of a file: a public key, or the public half of a private one. Throws InputError. */
export async function readPublicKey(file: string, shell: Shell): Promise<NamedKey> {
  const text = await readTextFile(file, shell.io);
  try {
    const key = publicHalfIn(text) ?? parsePublicKey(text);
    return { key, name: file === "-" ? "" : basename(file).replace(/\.[^.]*$/, "") };
  } catch (thrown) {
    if (thrown instanceof AppError) throw new InputError(`${nameOf(file)}: ${thrown.message}`, { cause: thrown });
    throw thrown;
  }
}

/** A key for a person: `alice (9f86d081884c7d65)`, the id alone of one without a name. */
export function keyLabel(keyid: string, root: Pick<Root, "names">): string {
  const name = nameOfKey(root, keyid);
  const id = keyid.slice(0, 16);
  return name === null ? id : `${printable(name)} (${id})`;
}

/** The name of a key, or the start of its id. */
export function shortLabel(keyid: string, root: Pick<Root, "names">): string {
  return printable(nameOfKey(root, keyid) ?? keyid.slice(0, 16));
}

/** Whose signatures a rule still needs: `1 more of bob, carol`; null when none. */
export function stillNeeded(
  { threshold, keys, signed }: Record<"keys" | "signed", readonly PublicKey[]> & { readonly threshold: number },
  root: Pick<Root, "names">,
): string | null {
  const lacking = threshold - signed.length;
  if (lacking <= 0) return null;
  const others = keys.filter(({ keyId }) => signed.every((it) => it.keyId !== keyId));
  return `${lacking} more of ${shortLabels(others, root)}`;
}

/** Keys by their short labels: `alice, bob`. */
export function shortLabels(keys: readonly PublicKey[], root: Pick<Root, "names">): string {
  return keys.map((key) => shortLabel(envelopeKeyId(key), root)).join(", ");
}

/**
 * The keyid of a key of a root, by its name, the start of its id, or a file with it. Throws InputError when the root has none or several.
 */
export async function findKey(root: Root, wanted: string, shell: Shell): Promise<string> {
  const byName = [...root.keys.keys()].filter((id) => nameOfKey(root, id) === wanted);
  const isId = wanted.length >= LEAST_DIGITS && /^[0-9a-f]+$/.test(wanted);
  const byId = isId ? [...root.keys.keys()].filter((id) => id.startsWith(wanted)) : [];
  // Both: a key may be called as another one's id begins.
  const found = [...new Set([...byName, ...byId])];
  if (found.length === 0 && existsSync(wanted)) {
    const keyid = envelopeKeyId((await readPublicKey(wanted, shell)).key);
    if (root.keys.has(keyid)) return keyid;
  }
  const [first] = found;
  if (first !== undefined && found.length === 1) return first;
  const known = [...root.keys.keys()].map((id) => keyLabel(id, root)).join(", ");
  throw new InputError(`${found.length === 0 ? "no key" : "several keys"} "${wanted}" in the root; it has ${known}`);
}
