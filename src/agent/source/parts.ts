import { sleep, waitFor } from "../../core/schedule/wait.js";
import type { OpaFile } from "../../bundle/opa/opa-file.js";
import { TrustError } from "../../bundle/trust/trust-error.js";
import { createBackoff, type BackoffOptions } from "../../sdk/backoff.js";
import { retryAfterMs } from "../../sdk/reconnect.js";
import { connectionError, readBody, type Rest } from "../../sdk/runtime/ways/http.js";
import { SignetError } from "../../sdk/signet-error.js";
import { checkDocument, type CheckedDocument } from "./document-check.js";
import type { OpaArchive } from "./environment-pack.js";
import { checkOpaArchive, maxArchiveBytes } from "./opa-check.js";
import type { Pack, PartLoader } from "./pack.js";
import type { PackFiles, PartName } from "./pack-files.js";

/** A document is not longer than its content but for what is around it: names, hashes, signatures. */
const DOCUMENT_HEAD_BYTES = 64 * 1024;
const FETCH_TIMEOUT_MS = 60_000;
/** The server has just announced the activation, so the first attempts are close together. */
const BACKOFF: BackoffOptions = { baseMs: 500, maxMs: 60_000, random: Math.random };

/** How parts are fetched and kept. */
export interface PartsOptions {
  readonly rest: Rest;
  readonly files: PackFiles;
  /** Ends all that is being fetched. */
  readonly stop: AbortSignal;
  /** Called with the reason of each refused part, and of each failure to reach server or disk. */
  readonly failed: (error: Error) => void;
  readonly backoff?: BackoffOptions;
}

interface Loads {
  document?: Promise<CheckedDocument>;
  opa?: Promise<OpaArchive | null>;
}

/**
 * Gets the document and the OPA bundle of a pack: from the disk, else from the server, again and again until it has them, or another pack
 * takes its place. Each is loaded once for all callers.
 */
export class Parts implements PartLoader {
  #current: Pack | null = null;
  #loads: Loads = {};
  /** Ends what is fetched for a pack whose place another one took. */
  #superseded = new AbortController();

  constructor(private readonly options: PartsOptions) {}

  /** The pack whose parts are wanted from now on. */
  begin(pack: Pack): void {
    this.#superseded.abort();
    this.#superseded = new AbortController();
    this.#current = pack;
    this.#loads = {};
  }

  async document(pack: Pack, signal?: AbortSignal): Promise<CheckedDocument> {
    this.#require(pack);
    return await unlessAborted((this.#loads.document ??= kept(this.#loadDocument(pack))), signal);
  }

  async opaBundle(pack: Pack, signal?: AbortSignal): Promise<OpaArchive | null> {
    this.#require(pack);
    return await unlessAborted((this.#loads.opa ??= kept(this.#loadOpa(pack))), signal);
  }

  #require(pack: Pack): void {
    if (pack !== this.#current) throw superseded();
  }

  async #loadDocument(pack: Pack): Promise<CheckedDocument> {
    const maxBytes = pack.content.length + DOCUMENT_HEAD_BYTES;
    const key = pack.documentDigest;
    const onDisk = await this.#fromDisk("document", key, maxBytes, async (bytes) => checkDocument(bytes, pack));
    if (onDisk !== null) return onDisk;
    return await this.#fetch(async (signal) => {
      const document = checkDocument(await this.#get("/v1/bundles/latest", maxBytes, signal), pack);
      await this.#toDisk("document", key, document.bytes);
      return document;
    });
  }

  async #loadOpa(pack: Pack): Promise<OpaArchive | null> {
    const maxBytes = maxArchiveBytes(opaFilesOf(pack));
    // The revision in the archive is this one.
    const key = `${pack.policyHash.slice(-64)}-${pack.sequence}`;
    const check = async (bytes: Buffer): Promise<OpaArchive> => {
      await checkOpaArchive(bytes, (keyId) => pack.opaBundleFor(keyId));
      return { bytes, etag: `"${pack.policyHash}.${pack.sequence}"` };
    };
    const onDisk = await this.#fromDisk("opa", key, maxBytes, check);
    if (onDisk !== null) return onDisk;
    return await this.#fetch(async (signal) => {
      try {
        const archive = await check(await this.#get("/v1/opa/bundle.tar.gz", maxBytes, signal));
        await this.#toDisk("opa", key, archive.bytes);
        return archive;
      } catch (thrown) {
        // A server without OPA: of an older release, or with it turned off.
        if (thrown instanceof SignetError && thrown.code === "not_found" && thrown.isFromServer) return null;
        throw thrown;
      }
    });
  }

  async #fromDisk<T>(
    part: PartName,
    key: string,
    maxBytes: number,
    check: (bytes: Buffer) => Promise<T>,
  ): Promise<T | null> {
    try {
      const bytes = await this.options.files.read(part, key, maxBytes);
      return bytes === null ? null : await check(bytes);
    } catch (thrown) {
      this.options.failed(toError(thrown));
      return null;
    }
  }

  /** Without a disk the part is in memory all the same. */
  async #toDisk(part: PartName, key: string, bytes: Uint8Array): Promise<void> {
    await this.options.files.write(part, key, bytes).catch((thrown: unknown) => this.options.failed(toError(thrown)));
  }

  async #get(path: string, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(FETCH_TIMEOUT_MS)]);
    const answer = await this.options.rest.get(path, {}, limited);
    const bytes = await readBody(answer, maxBytes).catch((cause: unknown) => {
      throw connectionError(cause, limited);
    });
    if (bytes.length > maxBytes) throw new TrustError("too_large", `${path} is longer than its activation allows`);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Tries until it works. Throws `mix_and_match` at once: a document that the server signed wrongly stays wrong. */
  async #fetch<T>(get: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const signal = AbortSignal.any([this.options.stop, this.#superseded.signal]);
    const backoff = createBackoff(this.options.backoff ?? BACKOFF);
    for (;;) {
      if (signal.aborted) throw superseded();
      try {
        return await get(signal);
      } catch (thrown) {
        if (signal.aborted) throw superseded();
        const error = toError(thrown);
        this.options.failed(error);
        if (error instanceof TrustError && error.code === "mix_and_match") throw error;
        const askedMs = error instanceof SignetError ? retryAfterMs(error.retryAfterSeconds) : 0;
        await sleep(askedMs + backoff.nextMs(), signal);
      }
    }
  }
}

function opaFilesOf(pack: Pack): readonly OpaFile[] {
  try {
    return pack.opaFiles();
  } catch (cause) {
    throw new TrustError("malformed", "the content makes no OPA bundle", { cause });
  }
}

/** The load, whose rejection is not "unhandled" when no caller waits for it. */
function kept<T>(load: Promise<T>): Promise<T> {
  load.catch(() => undefined);
  return load;
}

async function unlessAborted<T>(load: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await load;
  await waitFor(load, Infinity, [signal]).catch((cause: unknown) => {
    if (signal.aborted) throw new SignetError("cancelled", "the wait was cancelled", { cause });
  });
  return await load;
}

function superseded(): SignetError {
  return new SignetError("cancelled", "another activation took the place of this one, or the source is closed");
}

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
