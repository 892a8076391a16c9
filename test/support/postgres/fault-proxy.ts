import { createConnection, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { Link } from "./fault-link.js";

/** Where bytes go: to the server (requests) or to the client (answers). */
export type Direction = "toServer" | "toClient";

/** How a TCP connection ends: with what was sent, or at once. */
export type Ending = "FIN" | "RST";

/** A TCP proxy that does harm as it is told, until it is told to `heal`. */
export interface FaultProxy extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** The same URL through the proxy. */
  through(url: string): string;
  /** Connections and bytes so far, and connections that are open at the client's side. */
  readonly counts: Readonly<ProxyCounts>;
  /** Each byte from now on arrives so much later, in order. */
  delay(ms: number, direction?: Direction): void;
  /** Half-open: connections are accepted and stay open, and nothing is forwarded until `heal`, the ends of connections included. */
  hold(direction?: Direction): void;
  /** New connections are refused (ECONNREFUSED) until `heal`. */
  refuse(): void;
  /**
   * Ends all connections, at both sides or at one: then the other side's stays open and hears nothing more. Returns how many.
   *
   * @param side `toClient` ends those with clients, `toServer` those with the server.
   */
  cut(ending: Ending, side?: Direction): number;
  /**
   * Forwards the next bytes to the server that contain the text, swallows the answer and, when that contains `until`, resets the
   * client and ends the server's side. Resolves then: the server has done it, the client does not know. For a commit that is sent
   * together with other statements: `loseAnswerTo("commit", "COMMIT")`.
   */
  loseAnswerTo(text: string, until?: string): Promise<void>;
  /** Swallows the next bytes to the server that contain the text, and resets both sides. Resolves then. */
  loseRequest(text: string): Promise<void>;
  /** No delay, everything flows, new connections are accepted. Connections that were cut stay so. */
  heal(): Promise<void>;
}

/** What a proxy counts. */
export interface ProxyCounts {
  accepted: number;
  open: number;
  toServer: number;
  toClient: number;
}

/** What is wrong with a proxy at present; its connections look at it for each chunk. */
export interface Faults {
  readonly delayMs: Record<Direction, number>;
  /** Resolves when bytes may flow; null while they do. */
  readonly held: Record<Direction, { readonly promise: Promise<void>; readonly resolve: () => void } | null>;
  /** What the next bytes to the server that contain a text meet. */
  traps: Trap[];
}

/** What is lost: the answer, as far as this text, or the request itself. */
export interface Trap {
  readonly text: string;
  readonly loses: { readonly answerUntil: string } | "request";
  readonly sprung: () => void;
}

const DIRECTIONS: readonly Direction[] = ["toServer", "toClient"];

/**
 * Starts a proxy to a server.
 *
 * @param host the address that it listens on.
 */
export async function startFaultProxy(
  target: { readonly host?: string; readonly port: number },
  host = "127.0.0.1",
): Promise<FaultProxy> {
  const faults: Faults = { delayMs: { toServer: 0, toClient: 0 }, held: { toServer: null, toClient: null }, traps: [] };
  const counts: ProxyCounts = { accepted: 0, open: 0, toServer: 0, toClient: 0 };
  const links = new Set<Link>();
  const accept = (client: Socket) => {
    const server = createConnection({ host: target.host ?? "127.0.0.1", port: target.port, allowHalfOpen: true });
    const link = new Link(client, server, faults, (direction, bytes) => (counts[direction] += bytes));
    counts.accepted++;
    counts.open++;
    links.add(link);
    client.once("close", () => counts.open--);
    void link.ended.then(() => links.delete(link));
  };
  let listener = await listen(accept, host, 0);
  const { port } = listener.address() as AddressInfo;
  const trap = (text: string, loses: Trap["loses"]) => {
    return new Promise<void>((sprung) => void faults.traps.push({ text, loses, sprung }));
  };
  return {
    host,
    port,
    through(url) {
      const changed = new URL(url);
      changed.hostname = host;
      changed.port = String(port);
      return changed.href;
    },
    counts,
    delay(ms, direction) {
      for (const each of DIRECTIONS) if (direction === undefined || direction === each) faults.delayMs[each] = ms;
    },
    hold(direction) {
      for (const each of DIRECTIONS) {
        if (direction === undefined || direction === each) faults.held[each] ??= openGate();
      }
    },
    refuse: () => void listener.close(),
    cut(ending, side) {
      const { size } = links;
      for (const link of links) link.cut(ending, side);
      return size;
    },
    loseAnswerTo: (text, until = "") => trap(text, { answerUntil: until }),
    loseRequest: (text) => trap(text, "request"),
    async heal() {
      faults.traps = [];
      for (const direction of DIRECTIONS) {
        faults.delayMs[direction] = 0;
        faults.held[direction]?.resolve();
        faults.held[direction] = null;
      }
      if (!listener.listening) listener = await listen(accept, host, port);
    },
    async [Symbol.asyncDispose]() {
      for (const link of links) link.cut("RST");
      if (listener.listening) await new Promise((resolve) => listener.close(resolve));
    },
  };
}

async function listen(accept: (client: Socket) => void, host: string, port: number): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, host, resolve));
  return server;
}

function openGate(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
