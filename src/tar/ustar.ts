import { TAR_BLOCK_BYTES, TAR_END_BYTES, tarChecksum, tarPadding } from "./tar-header.js";

const MAX_NAME_BYTES = 100;
const MAX_PREFIX_BYTES = 155;
const SLASH = 0x2f;
/** From here on a size does not fit into eleven octal digits. */
const MAX_BYTES = 8 ** 11;

/**
 * A regular file of a tar file, padded to whole blocks (POSIX.1-2017, pax, "ustar Interchange Format"): of no user, readable by all, of the
 * time 0. The same bytes for the same file.
 *
 * @param name a relative path in UTF-8: at most 100 bytes, or at most 155 and 100 with a slash between them
 * @throws RangeError for a name or a size that the format cannot hold
 */
export function formatUstarMember(name: string, bytes: Uint8Array): Uint8Array {
  if (bytes.length >= MAX_BYTES) throw new RangeError("the file is too large for a tar file");
  const member = new Uint8Array(TAR_BLOCK_BYTES + bytes.length + tarPadding(bytes.length));
  const put = (text: string, offset: number) => new TextEncoder().encodeInto(text, member.subarray(offset));
  const { prefix, rest } = splitName(name);
  member.set(rest, 0);
  put("0000644\0" + "0000000\0" + "0000000\0", 100);
  put(`${bytes.length.toString(8).padStart(11, "0")}\0`, 124);
  put("00000000000\0", 136);
  put("0", 156);
  put("ustar\x0000", 257);
  member.set(prefix, 345);
  const sum = tarChecksum(member.subarray(0, TAR_BLOCK_BYTES));
  put(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  member.set(bytes, TAR_BLOCK_BYTES);
  return member;
}

/** What follows the last file of a tar file. */
export function ustarEnd(): Uint8Array {
  return new Uint8Array(TAR_END_BYTES);
}

function splitName(name: string): { readonly prefix: Uint8Array; readonly rest: Uint8Array } {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length > 0 && bytes.length <= MAX_NAME_BYTES) return { prefix: new Uint8Array(), rest: bytes };
  const at = bytes.findIndex(
    (byte, i) => byte === SLASH && i <= MAX_PREFIX_BYTES && bytes.length - i - 1 <= MAX_NAME_BYTES,
  );
  if (at <= 0) throw new RangeError("a tar file cannot hold a file of that name");
  return { prefix: bytes.subarray(0, at), rest: bytes.subarray(at + 1) };
}
