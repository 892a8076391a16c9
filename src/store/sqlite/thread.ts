/**
 * The entry of the thread that has the connection that writes: waiting for a disk, or for another process's lock, stops it and
 * nothing else. It has no event loop: it sleeps until `wake` changes, which takes half the time of a message that an event loop is
 * woken for.
 */
import { receiveMessageOnPort, workerData, type MessagePort } from "node:worker_threads";
import type { Answer, Failure, Step } from "./channel.js";
import { connectToWrite, type SqliteOptions } from "./connect.js";
import { sqliteError } from "./errors.js";
import { Head } from "./commit-head.js";
import { SqliteSession } from "./session.js";

/** What the thread is started with. */
export interface ThreadOptions {
  readonly options: SqliteOptions;
  readonly port: MessagePort;
  readonly wake: Int32Array;
}

type Query = Extract<Step, { op: "query" }>;
/** `sql` stands there the first time only. */
type NamedQuery = Omit<Query, "sql"> & { readonly name: number; readonly sql?: string };

/** A message to the thread. */
export interface ThreadRequest {
  /** The names of all statements before. */
  readonly forget: boolean;
  readonly steps: readonly (Exclude<Step, Query> | NamedQuery)[];
}

/** One for each request, in their order; the first one of all says whether the database is open. */
export type ThreadResponse = { readonly answer: Answer } | { readonly failure: Failure };

function serve({ options, port, wake }: ThreadOptions): void {
  const statements = new Map<number, string>();
  let session: SqliteSession | null = null;
  respond(port, () => {
    session = new SqliteSession(connectToWrite(options), new Head(options));
    return { rows: [] };
  });
  for (let isOpen = session !== null; isOpen;) {
    const seen = Atomics.load(wake, 0);
    const received: { message: ThreadRequest } | undefined = receiveMessageOnPort(port);
    if (received === undefined) {
      Atomics.wait(wake, 0, seen);
      continue;
    }
    const { forget, steps } = received.message;
    if (forget) statements.clear();
    const named = steps.map((step) => (step.op === "query" ? withText(statements, step) : step));
    respond(port, () => (session as SqliteSession).run(named));
    isOpen = named.at(-1)?.op !== "close";
  }
  port.close();
}

function withText(statements: Map<number, string>, { op, name, sql, parameters }: NamedQuery): Query {
  if (sql !== undefined) statements.set(name, sql);
  return { op, sql: statements.get(name) ?? "", parameters };
}

function respond(port: MessagePort, act: () => Answer): void {
  let response: ThreadResponse;
  try {
    response = { answer: act() };
  } catch (thrown) {
    const { code, message, reason, cause } = sqliteError(thrown);
    const { message: told = "", code: result } = (cause ?? {}) as { message?: string; code?: string };
    const failure = {
      code,
      message,
      cause: result === undefined ? { message: told } : { message: told, code: result },
    };
    response = { failure: reason === undefined ? failure : { ...failure, reason } };
  }
  port.postMessage(response);
}

serve(workerData as ThreadOptions);
