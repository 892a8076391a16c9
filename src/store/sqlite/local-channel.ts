import type { Database } from "better-sqlite3";
import type { Answer, Channel, Step } from "./channel.js";
import type { Head } from "./commit-head.js";
import { SqliteSession } from "./session.js";

/** A connection in this thread, which it blocks while it works. */
export class LocalChannel implements Channel {
  readonly lost = new Promise<Error>(() => undefined);
  readonly #session: SqliteSession;

  /** Takes the connection over: it is closed by the step `close`. */
  constructor(database: Database, head: Head | null = null) {
    this.#session = new SqliteSession(database, head);
  }

  async run(steps: readonly Step[]): Promise<Answer> {
    return this.#session.run(steps);
  }
}
