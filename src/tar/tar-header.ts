/** The unit of a tar file. */
export const TAR_BLOCK_BYTES = 512;
/** The end of a tar file: two empty blocks (POSIX.1-2017, pax, "ustar Interchange Format"). */
export const TAR_END_BYTES = 2 * TAR_BLOCK_BYTES;

const NAME = /^[\x21-\x7e]{1,100}$/;

/** From here on a size does not fit into eleven octal digits and is written in base 256, as GNU tar does. */
const MAX_OCTAL_SIZE = 8 ** 11;

/** A regular file in a tar file. */
export interface TarMember {
  /** Printable ASCII, 1 to 100 characters. */
  readonly name: string;
  readonly bytes: number;
  /** Seconds since 1970. */
  readonly modified: number;
  /** Permissions. */
  readonly mode: number;
}

/**
 * The header of a regular file of no user (POSIX.1-2017, pax, "ustar Interchange Format"): always the same bytes for the same member.
 * Throws a RangeError for a name that it cannot hold.
 */
export function formatTarHeader({ name, bytes, modified, mode }: TarMember): Buffer {
  if (!NAME.test(name)) throw new RangeError("the name of a tar member has 1 to 100 ASCII characters");
  const header = Buffer.alloc(TAR_BLOCK_BYTES);
  const put = (text: string, offset: number) => header.write(text, offset, "latin1");
  put(name, 0);
  put(`${octal(mode, 7)}\0`, 100);
  put("0000000\0", 108);
  put("0000000\0", 116);
  if (bytes < MAX_OCTAL_SIZE) put(`${octal(bytes, 11)}\0`, 124);
  else writeLargeSize(header, bytes);
  put(`${octal(modified, 11)}\0`, 136);
  put("0", 156);
  put("ustar\x0000", 257);
  put(`${octal(tarChecksum(header), 6)}\0 `, 148);
  return header;
}

/** The sum of a header's bytes, with the checksum's own taken as spaces. */
export function tarChecksum(header: Uint8Array): number {
  let sum = 0;
  for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 0x20 : byte;
  return sum;
}

/** Reads a header; null for anything but the bytes that formatTarHeader writes for this mode. */
export function parseTarHeader(header: Buffer, mode: number): TarMember | null {
  const name = header.toString("latin1", 0, 100).replace(/\0.*$/s, "");
  const modified = parseInt(header.toString("latin1", 136, 147), 8);
  const member = { name, bytes: sizeIn(header), modified, mode };
  const isKnown = NAME.test(name) && isSize(member.bytes) && isSize(modified);
  return isKnown && formatTarHeader(member).equals(header) ? member : null;
}

/** The zero bytes after a member, to the next block. */
export function tarPadding(bytes: number): number {
  return (TAR_BLOCK_BYTES - (bytes % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

function writeLargeSize(header: Buffer, bytes: number): void {
  header.writeUInt8(0x80, 124);
  header.writeBigUInt64BE(BigInt(bytes), 128);
}

function sizeIn(header: Buffer): number {
  if (header[124] === 0x80) return Number(header.readBigUInt64BE(128));
  return parseInt(header.toString("latin1", 124, 135), 8);
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
