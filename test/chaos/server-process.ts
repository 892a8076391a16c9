import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { ADMIN_TOKEN } from "../support/server.js";

/** A server in a process of its own, which can be killed. */
export interface ServerProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** How it ended. */
  readonly ended: Promise<ServerEnd>;
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<ServerEnd>;
}

export interface ServerEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * Starts the built server on a directory; resolves when it listens, rejects when it ends instead. `log` is what its standard error
 * is: a pipe that is read, one that nobody reads, or a file's descriptor. `prefix` is a command that runs the server's command.
 */
export async function startServerProcess(
  directory: string,
  settings: Readonly<Record<string, string>> = {},
  log: "read" | "unread" | number = "read",
  prefix: readonly string[] = [],
): Promise<ServerProcess> {
  const serve = [process.execPath, join(import.meta.dirname, "../../dist/src/main.js"), "serve"];
  const [program = "", ...args] = [...prefix, ...serve];
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", typeof log === "number" ? log : "pipe"],
    env: {
      PATH: process.env.PATH ?? "",
      SIGNET_DATA: directory,
      SIGNET_PORT: "0",
      SIGNET_ADMIN_TOKEN: ADMIN_TOKEN,
      SIGNET_RATE_LIMIT: "0",
      SIGNET_LOG_LEVEL: "error",
      ...settings,
    },
  });
  let errors = "";
  if (log === "read") {
    child.stderr?.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
  }
  const ended = (once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>).then(([code, signal]) => {
    return { code, signal };
  });
  const listening = (async () => {
    for await (const line of createInterface({ input: child.stdout as Readable })) {
      const url = /^signet listening on (http:\/\/\S+)$/.exec(line)?.[1];
      if (url !== undefined) return url;
    }
    throw new Error(`the server ended before it listened: ${errors}`);
  })();
  const url = await listening;
  return {
    url,
    child,
    ended,
    end(signal) {
      child.kill(signal);
      return ended;
    },
  };
}
