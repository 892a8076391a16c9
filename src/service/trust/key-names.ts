import { nameOfKey, type Root } from "../../bundle/trust/root.js";
import { printable } from "../../core/printable.js";

/** Keys that a message names. */
const MAX_NAMED = 10;

/** What people call a key: its name in the root, else the first 16 digits of its id. */
export function keyName(root: Root, keyId: string): string {
  const name = nameOfKey(root, keyId);
  return name === null ? keyId.slice(0, 16) : printable(name).slice(0, 64);
}

/** Keys in a message: `alice, bob, carol`. */
export function keyNames(root: Root, keyIds: Iterable<string>): string {
  const all = [...keyIds].map((id) => keyName(root, id));
  const more = all.length - MAX_NAMED;
  return all.slice(0, MAX_NAMED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** Who must sign and who did: `2 of alice, bob, carol must sign; signed: alice`. */
export function whoMustSign(
  root: Root,
  { threshold, keyIds }: { readonly threshold: number; readonly keyIds: readonly string[] },
  signedBy: ReadonlySet<string>,
): string {
  const signed = keyIds.filter((id) => signedBy.has(id));
  const who = signed.length === 0 ? "nobody" : keyNames(root, signed);
  return `${threshold} of ${keyNames(root, keyIds)} must sign; signed: ${who}`;
}
