import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Stage } from "../work.js";

/** One event of an environment as it came. */
export interface HookArrival {
  readonly id: string;
  readonly environment: Stage;
  readonly sequence: number;
}

/** A webhook's receiver, which answers 200 and writes down the events about activations. */
export interface Hook extends AsyncDisposable {
  readonly port: number;
  readonly arrivals: HookArrival[];
}

/** Listens on all addresses: nodes in a namespace reach it by their link. */
export async function openHook(): Promise<Hook> {
  const arrivals: HookArrival[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { data } = JSON.parse(Buffer.concat(chunks).toString("utf8")) as { data: Omit<HookArrival, "id"> };
      const { environment, sequence } = data;
      arrivals.push({ id: String(request.headers["webhook-id"]), environment, sequence });
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    arrivals,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
