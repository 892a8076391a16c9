import { chmod, lstat, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import type { ListenAddress } from "./listen-address.js";

/** Listens there; takes the place of a socket that a killed process left. Rejects with what listening fails with. */
export async function listenOn(server: Server, listen: ListenAddress): Promise<void> {
  if ("socket" in listen && (await isLeft(listen.socket))) await rm(listen.socket, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    const target = "socket" in listen ? { path: listen.socket } : listen;
    server.listen(target, () => {
      server.off("error", reject);
      resolve();
    });
  });
  if ("socket" in listen) await chmod(listen.socket, 0o660);
}

/** Whether a path is the socket of a process that was killed: it would be in the way. */
async function isLeft(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => null);
  if (found?.isSocket() !== true) return false;
  return await new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => resolve(false));
    socket.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code === "ECONNREFUSED"));
    socket.once("close", () => socket.destroy());
    socket.end();
  });
}

/** What a server that listens is reached by: `http://127.0.0.1:7070`, or `unix:` and the path of the socket. */
export function urlOf(server: Server, listen: ListenAddress): string {
  if ("socket" in listen) return nameOf(listen);
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

/** How an address is written. */
export function nameOf(listen: ListenAddress): string {
  return "socket" in listen ? `unix:${listen.socket}` : `${listen.host}:${listen.port}`;
}
