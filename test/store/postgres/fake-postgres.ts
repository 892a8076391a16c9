import { createServer, type AddressInfo, type Socket } from "node:net";

/** What a server that speaks PostgreSQL's protocol says of itself. */
export interface FakeFacts {
  readonly version: string;
  readonly number: string;
  /** `t` or `f`. */
  readonly recovery: string;
  readonly read_only: string;
  readonly encoding: string;
  readonly strings: string;
}

/** Such a server: it lets everybody in and answers each column of a `select` by its name. */
export interface FakePostgres extends AsyncDisposable {
  readonly port: number;
  facts: FakeFacts;
  /** Connections that it has let in. */
  readonly logins: number;
  /** Ends all connections. */
  cut(): void;
}

export const POSTGRES_15: FakeFacts = {
  ...{ version: "PostgreSQL 15.4 on x86_64-pc-linux-gnu", number: "150004", recovery: "f" },
  ...{ read_only: "off", encoding: "UTF8", strings: "on" },
};

const SSL_REQUEST = 80_877_103;

/** One that is not there: a server with what a test wants it to be, which no real one can be made. */
export async function fakePostgres(facts: Partial<FakeFacts> = {}): Promise<FakePostgres> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    let isIn = false;
    // Each message of these clients comes in one piece.
    socket.on("data", (data) => {
      if (isIn) {
        if (data.toString("latin1", 0, 1) === "Q") socket.write(answer(fake.facts, data.toString("utf8", 5)));
      } else if (data.readInt32BE(4) === SSL_REQUEST) {
        socket.write("N");
      } else {
        isIn = true;
        logins += 1;
        socket.write(Buffer.concat([message("R", int32(0)), READY]));
      }
    });
  });
  let logins = 0;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => sockets.forEach((socket) => socket.destroy());
  const fake: FakePostgres = {
    port: (server.address() as AddressInfo).port,
    facts: { ...POSTGRES_15, ...facts },
    get logins() {
      return logins;
    },
    cut,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  };
  return fake;
}

function answer(facts: FakeFacts, sql: string): Buffer {
  const names = [...sql.matchAll(/ as (\w+)/g)].map(([, name = ""]) => name);
  const fields = names.map((name) => {
    // Text, and bool where it is told as such.
    const oid = name === "recovery" ? 16 : 25;
    return Buffer.concat([Buffer.from(`${name}\0`), int32(0), int16(0), int32(oid), int16(-1), int32(-1), int16(0)]);
  });
  const values = names.map((name) => {
    const value = Buffer.from((facts as unknown as Record<string, string>)[name] ?? "");
    return Buffer.concat([int32(value.length), value]);
  });
  return Buffer.concat([
    message("T", int16(fields.length), ...fields),
    message("D", int16(values.length), ...values),
    message("C", Buffer.from("SELECT 1\0")),
    READY,
  ]);
}

function message(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

function int16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeInt16BE(value);
  return buffer;
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}

const READY = message("Z", Buffer.from("I"));
