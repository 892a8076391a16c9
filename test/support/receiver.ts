import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** One request that arrived. */
export interface Arrival {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly event: { readonly type: string; readonly timestamp: string; readonly data: Record<string, unknown> };
}

interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
}

/** A webhook's target: keeps what arrives and answers as it is told. */
export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly arrivals: Arrival[];
  /** Decides the answer of the next requests; 200 until told. */
  answer: (arrival: Arrival) => Answer | Promise<Answer>;
  /** Resolves when so many have arrived. */
  count(wanted: number): Promise<readonly Arrival[]>;
}

export async function startReceiver(): Promise<Receiver> {
  let tell = () => {};
  const arrivals: Arrival[] = [];
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    const respond = async () => {
      const body = Buffer.concat(chunks).toString();
      const arrival = { headers: req.headers, body, event: JSON.parse(body) as Arrival["event"] };
      arrivals.push(arrival);
      const answer = receiver.answer(arrival);
      tell();
      const { status, headers = {} } = await answer;
      res.writeHead(status, headers).end("received");
    };
    req.on("end", () => void respond());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?key=in-the-url`,
    arrivals,
    answer: () => ({ status: 200 }),
    async count(wanted) {
      while (arrivals.length < wanted) {
        await new Promise<void>((resolve) => {
          tell = resolve;
        });
      }
      return arrivals;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return receiver;
}
