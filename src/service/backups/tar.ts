import { AppError } from "../../core/error.js";

/** The unit of a tar file. */
export const TAR_BLOCK_BYTES = 512;
/** The end of a tar file: two empty blocks (POSIX.1-2017, pax, "ustar Interchange Format"). */
export const TAR_END_BYTES = 2 * TAR_BLOCK_BYTES;

/** From here on a size does not fit into eleven octal digits and is written in base 256, as GNU tar does. */
const MAX_OCTAL_SIZE = 8 ** 11;

/** A file in a tar file. */
export interface TarMember {
  /** Printable ASCII, 1 to 99 characters. */
  readonly name: string;
  readonly bytes: number;
  /** Seconds since 1970. */
  readonly modified: number;
}

/** The header of a regular file of mode 0600, of no user: always the same bytes for the same member. */
export function formatTarHeader({ name, bytes, modified }: TarMember): Buffer {
  const header = Buffer.alloc(TAR_BLOCK_BYTES);
  header.write(name, 0, 99, "latin1");
  header.write("0000600\0", 100, "latin1");
  header.write("0000000\0", 108, "latin1");
  header.write("0000000\0", 116, "latin1");
  if (bytes < MAX_OCTAL_SIZE) header.write(`${octal(bytes, 11)}\0`, 124, "latin1");
  else writeLargeSize(header, bytes);
  header.write(`${octal(modified, 11)}\0`, 136, "latin1");
  header.write("        0", 148, "latin1");
  header.write("ustar\x0000", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148, "latin1");
  return header;
}

/**
 * Reads a header. Throws `data_loss` for anything but the bytes that formatTarHeader writes: in a backup, every byte counts.
 *
 * @param at where the header stands in its file, for the error
 */
export function parseTarHeader(header: Buffer, at: number): TarMember {
  const name = header.toString("latin1", 0, 100).replace(/\0.*$/s, "");
  const member = { name, bytes: sizeIn(header), modified: parseInt(header.toString("latin1", 136, 147), 8) };
  const isKnown = /^[\x21-\x7e]{1,99}$/.test(name) && isSize(member.bytes) && isSize(member.modified);
  if (!isKnown || !formatTarHeader(member).equals(header)) {
    throw new AppError("data_loss", `not a backup of Signet, or a damaged one: the header at byte ${at} is wrong`);
  }
  return member;
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
