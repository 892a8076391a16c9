import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A webhook's target that answers as its path says: `/STATUS` with `body`. */
export interface AnsweringReceiver extends AsyncDisposable {
  readonly url: string;
  /** What every answer of it says. */
  body: string;
}

/** Starts one on any free port of 127.0.0.1. */
export async function startAnsweringReceiver(): Promise<AnsweringReceiver> {
  const server = createServer((req, res) => {
    req.resume().on("end", () => {
      const status = Number(/^\/(\d{3})/.exec(req.url ?? "")?.[1] ?? 200);
      res.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" }).end(receiver.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const receiver: AnsweringReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    body: "upstream timed out after 10 s",
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return receiver;
}
