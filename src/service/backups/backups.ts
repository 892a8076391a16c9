import type { Backup, BackupKind } from "../../core/backup.js";
import { instantOf, type Clock, type Instant } from "../../core/clock.js";
import { AppError, notFound } from "../../core/error.js";
import type { Principal } from "../../core/token.js";
import type { Store } from "../../store/store.js";
import type { SqliteOptions } from "../../store/sqlite/connect.js";
import type { Audit, AuditCaller } from "../audit/audit.js";
import type { SigningKeys } from "../keys/key-files.js";
import { newBackupId, type BackupFiles } from "./backup-files.js";
import type { MakeBackup } from "./make-backup.js";
import type { ManifestKeys } from "./manifest.js";
import type { KeyFiles } from "./sealed-keys.js";

/** Backups on the server that no schedule made. */
const MAX_KEPT = 100;
/** Downloads at once: each holds a file and reads the disk. */
const MAX_DOWNLOADS = 4;
/** A backup that its client has not taken away after so long is deleted. */
const ONCE_MS = 3_600_000;
const HOUR_MS = 3_600_000;
/** After a scheduled backup failed. */
const RETRY_MS = 15 * 60_000;
const CHUNK_BYTES = 256 * 1024;

/** What backups are made of. */
export interface BackupsDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly audit: Audit;
  readonly keys: SigningKeys;
  readonly files: BackupFiles;
  readonly make: MakeBackup;
  /** Null when the data is in PostgreSQL: backups are then refused. */
  readonly database: SqliteOptions | null;
  readonly programVersion: string;
  /** Called when one is ready or has failed, with the reason. Must not throw. */
  readonly onEnd: (backup: Backup, error: Error | null) => void;
  /** The private keys of scheduled backups with their passphrase; null leaves them out. */
  readonly secrets: () => { readonly files: KeyFiles; readonly passphrase: string } | null;
}

/** A complete backup, and its bytes in their order. */
export interface BackupDownload {
  readonly backup: Backup;
  /**
   * Recorded in the audit when it begins. Throws `rate_limited` if too many are being downloaded, `not_found` if it was deleted
   * meanwhile.
   */
  read(): AsyncGenerator<Uint8Array>;
}

/** Backups of the whole server, made while it runs: one at a time. For the operator's admins. */
export class Backups implements AsyncDisposable {
  readonly #stopping = new AbortController();
  #downloads = 0;
  #notBeforeMs = 0;
  #lastSuccess: Instant | null = null;
  /** The one that is being made, or the last one that failed. */
  #current: Backup | null = null;
  #making: Promise<unknown> = Promise.resolve();

  constructor(private readonly deps: BackupsDeps) {}

  /** Starts a backup and returns it while it is being made. Throws `conflict` while another one is, or if too many are kept. */
  async create(caller: Principal, keep: boolean): Promise<Backup> {
    const { backup, done } = await this.#start(caller, caller.orgId, keep ? "kept" : "once");
    // Its failure is part of the backup's state.
    this.#making = done.catch(() => undefined);
    return backup;
  }

  /**
   * Makes a backup by schedule, unless one is being made, the newest scheduled one is younger than the interval, or the last try failed
   * less than a quarter of an hour ago. Resolves when it is ready; rejects with the reason of a failure.
   */
  async createIfDue(everyHours: number): Promise<void> {
    const { clock, files, store } = this.deps;
    const now = clock.now().getTime();
    if (this.#current?.state === "running" || now < this.#notBeforeMs) return;
    this.#notBeforeMs = now + RETRY_MS;
    const newest = (await files.list()).find(({ kind }) => kind === "scheduled");
    if (newest !== undefined && Date.parse(newest.createdAt) + everyHours * HOUR_MS > now) {
      this.#notBeforeMs = 0;
      return;
    }
    const operator = await store.read.operatorOrganization();
    if (operator === null) throw notFound("organization of the operator");
    const { done } = await this.#start("system", operator.id, "scheduled");
    this.#making = done.catch(() => undefined);
    await done;
  }

  /** The one that is being made or failed last, and all complete ones, newest first. */
  async list(): Promise<readonly Backup[]> {
    const ready = await this.deps.files.list();
    const current = this.#current;
    return current === null ? ready : [current, ...ready.filter(({ id }) => id !== current.id)];
  }

  /** Throws `not_found`. */
  async get(id: string): Promise<Backup> {
    const found = (await this.list()).find((backup) => backup.id === id);
    if (found === undefined) throw notFound("backup");
    return found;
  }

  /** A complete backup to be read. Throws `not_found`, and `conflict` for one that is not complete. */
  async download(caller: Principal, id: string): Promise<BackupDownload> {
    const backup = await this.get(id);
    if (backup.state !== "ready") throw notReady(backup);
    return { backup, read: () => this.#read(caller, backup) };
  }

  /** Throws `not_found`, and `conflict` while it is being made. */
  async delete(caller: Principal, id: string): Promise<void> {
    const backup = await this.get(id);
    if (backup.state === "running") throw notReady(backup);
    await this.#record(caller, caller.orgId, "backup.deleted", backup);
    if (this.#current?.id === id) this.#current = null;
    await this.deps.files.remove(backup);
  }

  /** Deletes backups that were to be taken away long ago, and all scheduled ones but the newest `keepScheduled`. */
  async prune(keepScheduled: number): Promise<void> {
    const { files, clock } = this.deps;
    const all = await files.list();
    const before = instantOf(new Date(clock.now().getTime() - ONCE_MS));
    const old = all.filter(({ kind, createdAt }) => kind === "once" && createdAt < before);
    const surplus = all.filter(({ kind }) => kind === "scheduled").slice(keepScheduled);
    for (const backup of [...old, ...surplus]) await files.remove(backup);
  }

  /** When the newest backup was made; null if there is none. */
  get lastSuccess(): Instant | null {
    return this.#lastSuccess;
  }

  /** Removes what an earlier process left, and finds the newest backup. Call it once, before any other. */
  async open(): Promise<void> {
    await this.deps.files.removeLeftovers();
    this.#lastSuccess = (await this.deps.files.list())[0]?.createdAt ?? null;
  }

  /** Stops the one that is being made; nothing of it is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort(new AppError("unavailable", "the server is shutting down"));
    await this.#making;
  }

  async #start(
    actor: AuditCaller,
    orgId: string,
    kind: BackupKind,
  ): Promise<{ backup: Backup; done: Promise<Backup> }> {
    const { clock, files, database } = this.deps;
    if (database === null) throw notHere();
    if (this.#current?.state === "running") throw inProgress(this.#current);
    const now = clock.now();
    const backup: Backup = {
      ...{ id: newBackupId(now), kind, state: "running", phase: "copying", percent: 0 },
      ...{ createdAt: `${instantOf(now).slice(0, 19)}.000Z`, bytes: null, sha256: null, error: null },
    };
    // Before anything is awaited: a second one must see it.
    this.#current = backup;
    try {
      const kept = (await files.list()).filter((it) => it.kind !== "scheduled").length;
      if (kind !== "scheduled" && kept >= MAX_KEPT) {
        throw new AppError("conflict", `the server keeps ${kept} backups already: delete some`, { reason: "too_many" });
      }
      const target = await files.targetOf(backup.id, kind);
      await this.#record(actor, orgId, "backup.created", backup);
      return { backup, done: this.#make(backup, { database, target, createdAt: instantOf(now) }) };
    } catch (error) {
      this.#current = null;
      throw error;
    }
  }

  async #make(
    backup: Backup,
    { database, target, createdAt }: { database: SqliteOptions; target: string; createdAt: string },
  ): Promise<Backup> {
    const { files, make, keys, secrets, programVersion, onEnd } = this.deps;
    try {
      const task = {
        ...{ database, target, programVersion, createdAt, keys: publicKeysOf(keys) },
        secrets: backup.kind === "scheduled" ? secrets() : null,
      };
      const onProgress: Parameters<MakeBackup>[1] = ({ phase, percent }) => {
        this.#current = { ...backup, phase, percent };
      };
      const { bytes, sha256 } = await make(task, onProgress, this.#stopping.signal);
      await files.finish(backup.id, backup.kind, sha256);
      this.#current = null;
      this.#lastSuccess = backup.createdAt;
      const ready: Backup = { ...backup, state: "ready", phase: null, percent: 100, bytes, sha256 };
      onEnd(ready, null);
      return ready;
    } catch (error) {
      const message = error instanceof AppError ? error.message : "the backup could not be made";
      this.#current = { ...backup, state: "failed", phase: null, error: message };
      onEnd(this.#current, error as Error);
      throw error;
    }
  }

  async *#read(caller: Principal, backup: Backup): AsyncGenerator<Uint8Array> {
    if (this.#downloads >= MAX_DOWNLOADS) {
      throw new AppError("rate_limited", "too many backups are being downloaded", { retryAfterSeconds: 10 });
    }
    this.#downloads += 1;
    try {
      await using file = await this.deps.files.open(backup);
      await this.#record(caller, caller.orgId, "backup.downloaded", backup);
      for (;;) {
        // A buffer of its own each time: the last one may still be on its way.
        const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, null);
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      this.#downloads -= 1;
    }
  }

  async #record(actor: AuditCaller, orgId: string, action: string, { id, kind }: Backup): Promise<void> {
    const { store, audit } = this.deps;
    await store.write((tx) =>
      audit.record(tx, orgId, actor, { action, resourceType: "backup", resourceId: id, metadata: { kind } }),
    );
  }
}

/** The public halves of a server's own keys. */
export function publicKeysOf({ bundles, audit, webhooks, attestation, opa }: SigningKeys): ManifestKeys {
  const half = ({ keyId, publicKeyPem }: SigningKeys["audit"]) => (keyId === "" ? null : { keyId, publicKeyPem });
  return {
    bundles: half(bundles),
    audit: half(audit),
    webhooks: half(webhooks),
    attestation: half(attestation),
    opa: half(opa),
  };
}

function inProgress({ id }: Backup): AppError {
  return new AppError("conflict", `the backup ${id} is being made: one at a time`, { reason: "backup_in_progress" });
}

function notReady({ id, state, error }: Backup): AppError {
  const why = state === "failed" ? `failed: ${error ?? ""}` : "is being made";
  return new AppError("conflict", `the backup ${id} ${why}`, { reason: "backup_not_ready" });
}

function notHere(): AppError {
  const message = "the data is in PostgreSQL: back it up with PostgreSQL's own tools (docs/scale.md, “Backup”)";
  return new AppError("conflict", message, { reason: "not_sqlite" });
}
