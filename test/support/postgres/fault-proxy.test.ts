import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { Client } from "pg";
import { describe, expect, it } from "vitest";
import { startFaultProxy } from "./fault-proxy.js";
import { testDatabase } from "./test-database.js";

/** A server that answers each chunk with the same in capitals, and its connections. */
async function startEcho(): Promise<{ port: number; sockets: Socket[] } & AsyncDisposable> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      socket.write(chunk.toString().toUpperCase());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.on("error", () => undefined);
  return socket;
}

const answerOf = async (socket: Socket) => String((await once(socket, "data"))[0]);

/** Resolves with the error's code, or "FIN". */
function endOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
    socket.once("end", () => resolve("FIN"));
  });
}

describe("the fault proxy", () => {
  it("forwards, counts, and passes on the ends of connections", async () => {
    await using echo = await startEcho();
    await using proxy = await startFaultProxy(echo);
    const socket = await open(proxy.port);
    socket.write("one");
    expect(await answerOf(socket)).toBe("ONE");
    expect(proxy.counts).toEqual({ accepted: 1, open: 1, toServer: 3, toClient: 3 });
    const closed = once(echo.sockets[0] as Socket, "close");
    socket.end();
    await closed;
    await once(socket, "close");
  });

  it.each(["FIN", "RST"] as const)("cuts both sides by %s", async (ending) => {
    await using echo = await startEcho();
    await using proxy = await startFaultProxy(echo);
    const socket = await open(proxy.port);
    socket.write("one");
    await answerOf(socket);
    const ends = Promise.all([endOf(socket), endOf(echo.sockets[0] as Socket)]);
    expect(proxy.cut(ending)).toBe(1);
    const expected = ending === "FIN" ? "FIN" : "ECONNRESET";
    expect(await ends).toEqual([expected, expected]);
    socket.destroy();
  });

  it("cuts one side, and the other stays open", async () => {
    await using echo = await startEcho();
    await using proxy = await startFaultProxy(echo);
    const socket = await open(proxy.port);
    socket.write("one");
    await answerOf(socket);
    const end = endOf(socket);
    proxy.cut("RST", "toClient");
    expect(await end).toBe("ECONNRESET");
    expect(echo.sockets[0]?.destroyed).toBe(false);
    expect(echo.sockets[0]?.readableEnded).toBe(false);
  });

  it("holds one direction, or accepts and forwards nothing, until it is healed", async () => {
    await using echo = await startEcho();
    await using proxy = await startFaultProxy(echo);
    const socket = await open(proxy.port);
    socket.write("zero ");
    await answerOf(socket);
    proxy.hold("toClient");
    socket.write("one ");
    await once(echo.sockets[0] as Socket, "data");
    expect(proxy.counts).toMatchObject({ toServer: 9, toClient: 5 });
    proxy.hold();
    socket.write("two");
    const late = await open(proxy.port);
    late.write("three");
    await proxy.heal();
    let text = "";
    while (text !== "ONE TWO") text += await answerOf(socket);
    late.destroy();
    socket.destroy();
  });

  it("refuses new connections, keeps those that there are, and listens on the same port again", async () => {
    await using echo = await startEcho();
    await using proxy = await startFaultProxy(echo);
    const socket = await open(proxy.port);
    proxy.refuse();
    await expect(open(proxy.port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    socket.write("one");
    expect(await answerOf(socket)).toBe("ONE");
    await proxy.heal();
    (await open(proxy.port)).destroy();
    socket.destroy();
  });

  it("delays each direction, in order, without making the stream slower", async () => {
    await using echo = await startEcho();
    await using proxy = await startFaultProxy(echo);
    proxy.delay(50, "toServer");
    const socket = await open(proxy.port);
    const start = performance.now();
    for (const part of ["a", "b", "c", "d", "e", "f"]) socket.write(part);
    let text = "";
    while (text.length < 6) text += await answerOf(socket);
    expect(text).toBe("ABCDEF");
    expect(performance.now() - start).toBeGreaterThan(45);
    socket.destroy();
  });

  it("loses the answer to a commit that was done, and a commit before it is done", async () => {
    await using database = await testDatabase();
    await using proxy = await startFaultProxy({ port: Number(new URL(database.url).port) });
    const direct = new Client({ connectionString: database.url });
    await direct.connect();
    await direct.query("create table t (i int)");
    const insert = async (value: number) => {
      const client = new Client({ connectionString: proxy.through(database.url) });
      client.on("error", () => undefined);
      await client.connect();
      await client.query(`begin; insert into t values (${value}); commit`);
    };
    const answerLost = proxy.loseAnswerTo("commit", "COMMIT");
    await expect(insert(1)).rejects.toThrow();
    await answerLost;
    const requestLost = proxy.loseRequest("commit");
    await expect(insert(2)).rejects.toThrow();
    await requestLost;
    await insert(3);
    expect((await direct.query("select i from t order by i")).rows).toEqual([{ i: 1 }, { i: 3 }]);
    await direct.end();
    expect(proxy.counts.accepted).toBe(3);
  });
});
