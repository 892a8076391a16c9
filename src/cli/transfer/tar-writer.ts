import { formatTarHeader, TAR_END_BYTES, tarPadding } from "../../tar/tar-header.js";

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
    await this.sink(formatTarHeader({ name, bytes: content.length, modified: 0, mode: 0o644 }));
    await this.sink(content);
    const padding = tarPadding(content.length);
    if (padding > 0) await this.sink(new Uint8Array(padding));
  }

  /** Two empty blocks end the file. */
  async end(): Promise<void> {
    await this.sink(new Uint8Array(TAR_END_BYTES));
  }
}
