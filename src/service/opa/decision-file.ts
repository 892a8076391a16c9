import { constants } from "node:fs";
import { open, rename } from "node:fs/promises";
import { instantOf, type Clock } from "../../core/clock.js";
import { AppError } from "../../core/error.js";
import type { Principal } from "../../core/token.js";
import type { DecisionSink } from "./opa-decisions.js";

/** From this size on the file is put aside, in place of the one before. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;

/** What may wait for the disk, together. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

const RETRY_SECONDS = 5;

/**
 * A file to which decisions are appended, one line of JSON each: `{"received_at", "org_id", "project_id", "environment_id", "key_prefix",
 * "decision"}`. Readable by its owner alone. At 256 MiB it becomes `<file>.1`.
 */
export class DecisionFile implements DecisionSink {
  #waitingBytes = 0;
  /** Resolves when no write is under way. Never rejects. */
  #writing: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly path: string,
    private readonly clock: Clock,
    private readonly maxBytes = MAX_FILE_BYTES,
  ) {}

  headOf(principal: Principal): string {
    const { orgId: org_id, projectId: project_id, environmentId: environment_id, keyPrefix: key_prefix } = principal;
    const received_at = instantOf(this.clock.now());
    return JSON.stringify({ received_at, org_id, project_id, environment_id, key_prefix });
  }

  async write(lines: string): Promise<void> {
    const bytes = Buffer.from(lines);
    if (this.#waitingBytes + bytes.length > MAX_WAITING_BYTES) throw notKept("too many decisions wait for the disk");
    this.#waitingBytes += bytes.length;
    const own = this.#writing.then(() => this.#append(bytes));
    this.#writing = own.catch(() => undefined);
    try {
      await own;
    } catch (cause) {
      throw notKept("the file of decisions cannot be written", cause);
    } finally {
      this.#waitingBytes -= bytes.length;
    }
  }

  async #append(bytes: Buffer): Promise<void> {
    // Opened each time: somebody may have put it aside. Not through a link, which another account could have made.
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
    const file = await open(this.path, flags, 0o600);
    try {
      const { size } = await file.stat();
      if (size > 0 && size + bytes.length > this.maxBytes) {
        await rename(this.path, `${this.path}.1`);
        await file.close();
        return await this.#append(bytes);
      }
      await file.appendFile(bytes);
    } finally {
      await file.close().catch(() => undefined);
    }
  }
}

function notKept(message: string, cause?: unknown): AppError {
  const reason = "decisions_not_kept";
  return new AppError("unavailable", message, { reason, retryAfterSeconds: RETRY_SECONDS, cause });
}
