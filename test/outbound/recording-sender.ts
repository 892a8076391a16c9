import { connect, type Socket, type TcpNetConnectOpts } from "node:net";
import { parseAllowList } from "../../src/outbound/allow-list.js";
import type { Resolver } from "../../src/outbound/check-target.js";
import { createSender, type SenderOptions, type SendRequest } from "../../src/outbound/send.js";
import { scriptedResolver } from "./scripted-resolver.js";

interface RecordingOptions extends Partial<Omit<SenderOptions, "allowList" | "connect">> {
  readonly allow?: string;
  /** What the socket says its other end is: it leads to 127.0.0.1 nevertheless. */
  readonly remoteAddress?: string;
  readonly open?: (options: TcpNetConnectOpts) => Socket;
}

/** A sender that keeps account of the sockets that it opens. */
export function recordingSender({ allow = "", remoteAddress, open = connect, ...options }: RecordingOptions = {}) {
  const opened: string[] = [];
  const resolver: Resolver = scriptedResolver({}).resolver;
  const sender = createSender({
    allowList: parseAllowList(allow),
    resolver,
    timeoutMs: 20_000,
    maxKeptBytes: 4096,
    userAgent: "Signet-Webhook/test",
    ...options,
    connect: (connectOptions) => {
      opened.push(`${connectOptions.host}:${connectOptions.port}`);
      if (remoteAddress === undefined) return open(connectOptions);
      const socket = open({ host: "127.0.0.1", port: connectOptions.port });
      return Object.defineProperty(socket, "remoteAddress", { value: remoteAddress });
    },
  });
  return {
    opened,
    send: (url: string, rest: Partial<SendRequest> = {}) =>
      sender.send({
        url,
        orgs: ["0a1b", "acme"],
        headers: {},
        body: "{}",
        signal: new AbortController().signal,
        ...rest,
      }),
    [Symbol.dispose]: () => sender.close(),
  };
}
