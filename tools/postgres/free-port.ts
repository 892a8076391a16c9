import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/**
 * A free TCP port of 127.0.0.1 below those that Linux gives to outgoing connections, so that a server that is down for a while
 * finds its port free again.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const free = await new Promise<boolean>((resolve) => {
      const server = createServer()
        .once("error", () => resolve(false))
        .listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
}
