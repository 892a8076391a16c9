/** The unit of a tar file. */
export const TAR_BLOCK = 512;

/** The largest size that a header can name without extensions: 11 octal digits. */
const MAX_SIZE = 0o77777777777;

/** Takes the next bytes of a file; resolves when it can take more. */
export type Sink = (bytes: Uint8Array) => Promise<void>;

/**
 * Writes a tar file (POSIX ustar) of regular files, the same bytes for the same entries: owner and time are 0. Nothing but the entry that
 * is written is kept in memory.
 */
export class TarWriter {
  constructor(private readonly sink: Sink) {}

  /** @param name at most 100 ASCII characters */
  async add(name: string, content: Uint8Array): Promise<void> {
    await this.sink(tarHeader(name, content.length));
    await this.sink(content);
    const rest = content.length % TAR_BLOCK;
    if (rest > 0) await this.sink(new Uint8Array(TAR_BLOCK - rest));
  }

  /** Two empty blocks end the file. */
  async end(): Promise<void> {
    await this.sink(new Uint8Array(2 * TAR_BLOCK));
  }
}

/** The header of a regular file. Throws a RangeError for a name or a size that it cannot hold. */
export function tarHeader(name: string, size: number): Uint8Array {
  if (!/^[\x21-\x7e]{1,100}$/.test(name)) throw new RangeError("a name of 1 to 100 ASCII characters");
  if (size > MAX_SIZE) throw new RangeError("the entry is larger than 8 GiB");
  const header = Buffer.alloc(TAR_BLOCK);
  const put = (text: string, offset: number) => header.write(text, offset, "latin1");
  put(name, 0);
  put("0000644\0", 100);
  put("0000000\0", 108);
  put("0000000\0", 116);
  put(`${octal(size, 11)}\0`, 124);
  put(`${octal(0, 11)}\0`, 136);
  put("        ", 148);
  put("0", 156);
  put("ustar\0", 257);
  put("00", 263);
  put("0000000\0", 329);
  put("0000000\0", 337);
  put(`${octal(tarChecksum(header), 6)}\0 `, 148);
  return header;
}

/** The sum of a header's bytes, with the checksum's own taken as spaces. */
export function tarChecksum(header: Uint8Array): number {
  let sum = 0;
  for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 0x20 : byte;
  return sum;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
