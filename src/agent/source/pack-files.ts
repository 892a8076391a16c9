import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { TrustIdentity } from "../../bundle/trust/trust-state.js";
import { readAtMost, replaceFile } from "../../sdk/runtime/node/node-files.js";
import { cacheName } from "../../sdk/runtime/runtime-cache.js";

/** A part of an activation that is kept beside its content. */
export type PartName = "document" | "opa";

const SUFFIX = { document: ".json", opa: ".tar.gz" } as const;

/**
 * Documents and OPA bundles of an environment on the disk, in the directory of the runtime's cache. A reader verifies
 * each one as if it came from a stranger.
 */
export class PackFiles {
  readonly #folder: string;

  constructor(directory: string, identity: TrustIdentity) {
    this.#folder = join(directory, cacheName(identity));
  }

  /**
   * @param key names the activation: hex digits
   * @returns null when there is none
   */
  async read(part: PartName, key: string, maxBytes: number): Promise<Buffer | null> {
    const bytes = await readAtMost(this.#file(part, key), maxBytes);
    return bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Writes one by rename, and removes those of other activations. */
  async write(part: PartName, key: string, bytes: Uint8Array): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const file = this.#file(part, key);
    await replaceFile(file, bytes);
    for (const name of await readdir(this.#folder)) {
      const isOther = name.startsWith(`${part}-`) && name.endsWith(SUFFIX[part]) && join(this.#folder, name) !== file;
      if (isOther) await rm(join(this.#folder, name), { force: true });
    }
  }

  #file(part: PartName, key: string): string {
    return join(this.#folder, `${part}-${key}${SUFFIX[part]}`);
  }
}
