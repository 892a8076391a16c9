import { mkdir, open, readdir, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MAX_CONTENT_BYTES } from "../../../bundle/trust/forms.js";
import { check } from "../../../bundle/verify-arguments.js";
import { isAbove, type CacheEntry, type RuntimeCache } from "../runtime-cache.js";
import { readAtMost, replaceFile, sizeOf, statOf } from "./node-files.js";

/** The largest file of a state that is read. */
const MAX_STATE_BYTES = 64 * 1024 * 1024;
/** Writing takes milliseconds: a lock this old is of a process that ended meanwhile. */
const DEAD_LOCK_MS = 30_000;
const LOCK_WAIT_MS = 20;

/**
 * A cache of files: a directory for each environment, with its content and with `state.json`, which one rename replaces. Both are
 * written through to the disk. Processes may share it: none replaces what is newer.
 *
 * The directory is made, for its owner alone. It must be one that no other account can write.
 */
export function openFileCache(directory: string): RuntimeCache {
  check(typeof directory === "string" && directory !== "", "directory", "the path of a directory");
  /** Digests by name. The first time the content is written whatever is there: it may be damaged. */
  const written = new Map<string, string>();
  return {
    async load(name) {
      const folder = join(directory, name);
      const stored = await readState(folder);
      if (stored === null) return null;
      const { state, content } = stored;
      if (content === null) return { state, content: null };
      const bytes = await readAtMost(join(folder, contentName(content)), MAX_CONTENT_BYTES);
      return { state, content: bytes === null ? null : { digest: content, bytes } };
    },
    async store(name, entry) {
      const folder = join(directory, name);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await withLock(folder, async () => {
        const stored = await readState(folder).catch(() => null);
        if (stored !== null && isAbove(stored.rank, entry.rank)) return;
        if (entry.content !== null) {
          const { digest, bytes } = entry.content;
          const file = join(folder, contentName(digest));
          const isThere = written.get(name) === digest && (await sizeOf(file)) === bytes.length;
          if (!isThere) await replaceFile(file, bytes);
          written.set(name, digest);
        }
        await replaceFile(join(folder, STATE), stateBytes(entry));
        await removeOthers(folder, entry.content?.digest ?? null);
      });
    },
  };
}

interface StoredFile {
  readonly rank: readonly number[];
  /** Its digest. */
  readonly content: string | null;
  readonly state: string;
}

const STATE = "state.json";

function contentName(digest: string): string {
  return `content-${digest}.json`;
}

/** Null when there is none. Throws for one that is damaged. */
async function readState(folder: string): Promise<StoredFile | null> {
  const bytes = await readAtMost(join(folder, STATE), MAX_STATE_BYTES);
  if (bytes === null) return null;
  const value = JSON.parse(new TextDecoder().decode(bytes)) as Partial<Record<keyof StoredFile, unknown>> | null;
  const { rank, content, state } = value ?? {};
  const isRank = Array.isArray(rank) && rank.every((number) => typeof number === "number");
  const isContent = content === null || (typeof content === "string" && /^[0-9a-f]{64}$/.test(content));
  if (!isRank || !isContent || typeof state !== "object" || state === null) {
    throw new TypeError(`${join(folder, STATE)} is not the state of a runtime`);
  }
  return { rank, content, state: JSON.stringify(state) };
}

/** JSON inside of JSON: it stays readable, for a person and for other tools. */
function stateBytes({ rank, content, state }: CacheEntry): Uint8Array {
  const head = JSON.stringify({ rank, content: content?.digest ?? null }).slice(0, -1);
  return new TextEncoder().encode(`${head},"state":${state}}\n`);
}

/** Contents that the state does not name, and temporary files of processes that ended. */
async function removeOthers(folder: string, digest: string | null): Promise<void> {
  for (const name of await readdir(folder)) {
    const isOther = /^content-[0-9a-f]{64}\.json$/.test(name) && name !== contentName(digest ?? "");
    const isLeft = name.endsWith(".tmp") && (await ageOf(join(folder, name))) > DEAD_LOCK_MS;
    if (isOther || isLeft) await rm(join(folder, name), { force: true });
  }
}

/** Between processes, for the time of comparing and replacing. */
async function withLock(folder: string, work: () => Promise<void>): Promise<void> {
  const lock = join(folder, "lock");
  for (;;) {
    try {
      await using handle = await open(lock, "wx", 0o600);
      await handle.writeFile(`${process.pid} ${hostname()}`);
      break;
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== "EEXIST") throw thrown;
      if ((await ageOf(lock)) > DEAD_LOCK_MS || (await isOfTheDead(lock))) await rm(lock, { force: true });
      else await sleep(LOCK_WAIT_MS);
    }
  }
  try {
    await work();
  } finally {
    await rm(lock, { force: true });
  }
}

/** Whether a process of this machine has left it behind when it was killed. */
async function isOfTheDead(lock: string): Promise<boolean> {
  const [, pid, host] = /^(\d{1,10}) (.+)$/.exec(await readFile(lock, "latin1").catch(() => "")) ?? [];
  if (pid === undefined || host !== hostname()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === "ESRCH";
  }
}

/** 0 for a file that is not there. */
async function ageOf(file: string): Promise<number> {
  const changed = await statOf(file);
  return changed === null ? 0 : Math.abs(Date.now() - changed.mtimeMs);
}
