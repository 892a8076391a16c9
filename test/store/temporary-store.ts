import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach } from "vitest";
import { openSqliteStore } from "../../src/store/sqlite/open.js";
import type { Store, Writer } from "../../src/store/store.js";

/** A directory for each test of a file, removed after it. */
export function useDirectory(): { readonly path: string } {
  const current = { path: "" };
  beforeEach(async () => {
    current.path = await mkdtemp(path.join(tmpdir(), "signet-store-"));
  });
  afterEach(async () => {
    await rm(current.path, { recursive: true, force: true });
  });
  return current;
}

/** A new store for each test of a file, closed and removed after it. */
export function useStore(): TemporaryStore {
  const directory = useDirectory();
  const current = new TemporaryStore();
  beforeEach(async () => {
    current.file = path.join(directory.path, "signet.db");
    current.store = await openSqliteStore({ file: current.file });
  });
  afterEach(async () => {
    await current.store[Symbol.asyncDispose]();
  });
  return current;
}

class TemporaryStore {
  file = "";
  store!: Store;

  get read() {
    return this.store.read;
  }

  write<T>(work: (tx: Writer) => Promise<T>): Promise<T> {
    return this.store.write(work);
  }

  async reopen(): Promise<void> {
    await this.store[Symbol.asyncDispose]();
    this.store = await openSqliteStore({ file: this.file });
  }
}
