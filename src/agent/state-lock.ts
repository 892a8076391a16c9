import { once } from "node:events";
import { mkdir, stat } from "node:fs/promises";
import net from "node:net";
import { AppError } from "../core/error.js";
import { systemReason } from "../sdk/runtime/node/node-files.js";

/**
 * Takes a state directory for this process: two agents would undo each other's files. On Linux by a name in the abstract namespace of
 * sockets, which the system gives up with the process however it ends; elsewhere it is left to the operator.
 *
 * @throws AppError `conflict` when another agent has it, `invalid` when it cannot be made
 */
export async function lockState(directory: string): Promise<AsyncDisposable> {
  const { dev, ino } = await makeDirectory(directory);
  const server = net.createServer((socket) => socket.destroy());
  if (process.platform === "linux") {
    server.listen(`\0signet-agent:${dev}:${ino}`);
    await once(server, "listening").catch((cause: unknown) => {
      throw new AppError("conflict", `another signet agent uses the state directory ${directory}`, { cause });
    });
    server.unref();
  }
  return {
    async [Symbol.asyncDispose]() {
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function makeDirectory(directory: string) {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return await stat(directory);
  } catch (cause) {
    throw new AppError("invalid", `cannot make the state directory ${directory}: ${systemReason(cause)}`, { cause });
  }
}
