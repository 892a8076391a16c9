import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { newNameFor, remove, removeLeftovers, replace, writeNew } from "./disk.js";
import { cannot, codeOf } from "./output-error.js";
import type { Before } from "./target.js";

/** An activation, as far as outputs and commands know it. */
export interface Applied {
  readonly sequence: number;
  readonly deploymentId: string;
  readonly version: number;
  readonly policyHash: string;
}

/** A change of outputs that has begun. */
export interface Pending {
  readonly to: Applied;
  /**
   * - `write`: some outputs may be replaced already.
   * - `command`: all are, and the command runs.
   * - `rollback`: the command failed; the outputs are put back, and then it runs again.
   */
  readonly phase: "write" | "command" | "rollback";
  /** What was at the paths of the outputs that change; in the order of the change. */
  readonly before: readonly { readonly path: string; readonly before: Before }[];
  /** Why it failed; empty before that. */
  readonly reason: string;
}

/** The state of an environment's outputs, as the agent keeps it. */
export interface JournalState {
  /** What the outputs have; null: unknown, or nothing yet. */
  readonly applied: Applied | null;
  /** The outputs and commands that `applied` is about, as one text. */
  readonly rules: string;
  readonly pending: Pending | null;
}

const NOTHING: JournalState = { applied: null, rules: "", pending: null };

/** Keeps what was done to the outputs of an environment, so that a process that was killed is followed by one that goes on there. */
export class Journal {
  private constructor(
    private readonly file: string,
    private current: JournalState,
    /** Why the file could not be read; null when it could, or there is none. */
    readonly damage: string | null,
  ) {}

  /**
   * Reads it, or begins a new one; a damaged one counts as none.
   *
   * @param name of the environment: characters of a file's name
   * @throws OutputError when the directory cannot be made or read
   */
  static async open(directory: string, name: string): Promise<Journal> {
    const file = join(directory, `${name}.json`);
    await mkdir(directory, { recursive: true, mode: 0o700 }).catch((thrown: unknown) => {
      throw cannot("make", directory, thrown);
    });
    await removeLeftovers(file, false);
    const text = await readFile(file, "utf8").catch((thrown: unknown) => {
      if (codeOf(thrown) === "ENOENT") return null;
      throw cannot("read", file, thrown);
    });
    if (text === null) return new Journal(file, NOTHING, null);
    const state = parse(text);
    return new Journal(file, state ?? NOTHING, state === null ? `${file} is damaged` : null);
  }

  get state(): JournalState {
    return this.current;
  }

  /** Replaces the state, through to the disk. When that fails the process goes on with the new one all the same. */
  async write(state: JournalState): Promise<void> {
    this.current = state;
    const temporary = newNameFor(this.file);
    try {
      await writeNew(temporary, Buffer.from(`${JSON.stringify(state)}\n`), { mode: 0o600, owner: null });
      await replace(temporary, this.file);
    } catch (thrown) {
      await remove(temporary).catch(() => undefined);
      throw thrown;
    }
  }
}

/** Null for what is no state. The file is the agent's own, and only it can write there. */
function parse(text: string): JournalState | null {
  try {
    const { applied, rules, pending } = JSON.parse(text) as Partial<JournalState>;
    const isWhole =
      (applied === null || typeof applied?.sequence === "number") &&
      typeof rules === "string" &&
      (pending === null || (Array.isArray(pending?.before) && typeof pending.phase === "string"));
    return isWhole ? { applied, rules, pending } : null;
  } catch {
    return null;
  }
}
