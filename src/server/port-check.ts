import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Config } from "../config/config.js";
import { DATABASE_FILE } from "./database/data-directory.js";
import { listenError, type ListenFlags } from "./listen-error.js";

/**
 * Before a first start: takes the port and gives it back, so that one that is in use leaves no new data directory behind. Nothing for a
 * directory that has a database: its start must not touch the port before the directory is locked. Rejects as {@link listenError} says.
 */
export async function checkPortOfFirstStart({ data, host, port }: Config, flags: ListenFlags): Promise<void> {
  if (existsSync(join(data, DATABASE_FILE))) return;
  const server = createServer((socket) => socket.destroy());
  try {
    await once(server.listen(port, host), "listening");
    await once(server.close(), "close");
  } catch (thrown) {
    throw listenError(thrown, { host, port }, flags);
  }
}
