import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { postgresError } from "../../../src/store/postgres/errors.js";
import type { ConnectionNotice } from "../../../src/store/postgres/options.js";
import { sharedDatabases, testDatabase } from "../../support/postgres/test-database.js";
import { fakePostgres } from "./fake-postgres.js";
import { checkOf, poolsOf } from "./pools.js";

const PID = "select pg_backend_pid() as pid";

describe("the hosts of a URL", () => {
  it("are tried in turn: one that is down, one that is a standby, then the primary", async () => {
    await using database = await testDatabase();
    await using standby = await fakePostgres({ recovery: "t" });
    const url = new URL(database.url);
    await using pools = poolsOf(database.url.replace(url.host, `127.0.0.1:1,127.0.0.1:${standby.port},${url.host}`));
    await pools.check();
    const clients = await Promise.all([pools.read.connect(), pools.read.connect(), pools.write.connect()]);
    expect(clients.map(({ port }) => port)).toEqual(clients.map(() => Number(url.port)));
    // Only the first one looked.
    expect(standby.logins).toBe(1);
    for (const client of clients) client.release();
    const direct = await pools.connectDirect();
    expect(direct.port).toBe(Number(url.port));
    await direct.end();
  });

  it("are all told when none can be used, without the password", async () => {
    await using standby = await fakePostgres({ recovery: "t" });
    const refusal = await checkOf(`postgres://u:SECRET@127.0.0.1:1,127.0.0.1:${standby.port},nowhere.invalid/d`);
    expect(refusal).toMatchObject({
      code: "unavailable",
      message:
        `no host of the database can be used: 127.0.0.1:1: connection refused; 127.0.0.1:${standby.port}: is a standby (in recovery); ` +
        "nowhere.invalid:5432: no such host",
    });
  });

  it("are told to the operator alone", async () => {
    await using pools = poolsOf("postgres://u:SECRET@127.0.0.1:1/d");
    const failure = await pools.read.connect().catch((error: unknown) => postgresError(error));
    expect(failure).toMatchObject({ code: "unavailable", message: "the database cannot be reached" });
  });

  it("change places in a failover, and new connections come to the new primary", async () => {
    await using first = await fakePostgres();
    await using second = await fakePostgres({ recovery: "t" });
    const notices: ConnectionNotice[] = [];
    const hosts = `127.0.0.1:${first.port},127.0.0.1:${second.port}`;
    await using pools = poolsOf(`postgres://u@${hosts}/d`, null, notices);
    (await pools.read.connect()).release();
    [first.facts, second.facts] = [second.facts, first.facts];
    first.cut();
    await expect.poll(() => notices.length).toBe(1);
    const client = await pools.read.connect();
    expect(client.port).toBe(second.port);
    client.release();
    await second[Symbol.asyncDispose]();
    await expect.poll(() => notices.length).toBe(2);
    await expect(pools.read.connect()).rejects.toThrow(`127.0.0.1:${first.port}: is a standby (in recovery)`);
  });

  it("one that does not answer costs its time, and no more", async () => {
    await using database = await testDatabase();
    const sockets = new Set<Socket>();
    const silent = createServer((socket) => sockets.add(socket.on("error", () => undefined)));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    const url = new URL(database.url);
    await using pools = poolsOf(`${database.url.replace(url.host, `127.0.0.1:${port},${url.host}`)}?connect_timeout=1`);
    const client = await pools.read.connect();
    expect(client.port).toBe(Number(url.port));
    client.release();
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  it("may be the directory of a socket", async () => {
    await using database = await testDatabase();
    const { port, pathname, username } = new URL(database.url);
    const { socketDirectory } = await sharedDatabases();
    const directory = encodeURIComponent(socketDirectory);
    expect(await checkOf(`postgres://${username}@${pathname}?host=${directory}&port=${port}`)).toBeNull();
    expect(await checkOf(`postgres://${username}@${pathname}?host=${directory}&port=1`)).toMatchObject({
      message: expect.stringContaining("no socket there") as string,
    });
  });
});

describe("connections whose end comes from the server", () => {
  it("do not end the process, whether idle, in use or in a statement", async () => {
    await using database = await testDatabase();
    const notices: ConnectionNotice[] = [];
    await using pools = poolsOf(database.url, null, notices);
    const [idle, used, writing] = await Promise.all([
      pools.read.connect(),
      pools.read.connect(),
      pools.write.connect(),
    ]);
    const direct = await pools.connectDirect();
    const isOver = new Promise<void>((resolve) => direct.on("end", resolve));
    idle.release();
    await writing.query("begin");
    const waiting = Promise.all([
      expect(writing.query("select pg_sleep(60)")).rejects.toMatchObject({ code: "57P01" }),
      expect(writing.query("commit")).rejects.toThrow(/Connection|terminating/),
    ]);
    await expect.poll(() => activity(pools)).toBe(1);
    expect(await database.terminateBackends()).toBeGreaterThanOrEqual(4);
    await Promise.all([waiting, isOver]);
    await expect(used.query("select 1")).rejects.toThrow(/Connection|connection|terminating/);
    used.release();
    writing.release();
    const again = await pools.read.connect();
    expect((await again.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    again.release();
    expect(notices.filter(({ message }) => message.startsWith("an idle connection to the database ended"))).not.toEqual(
      [],
    );

    async function activity({ write }: typeof pools): Promise<number> {
      const client = await write.connect();
      const { rows } = await client.query<{ n: number }>(
        "select count(*) as n from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'",
      );
      client.release();
      return rows[0]?.n ?? 0;
    }
  });

  it("are not used again, nor those to a host that takes no writes any more", async () => {
    await using database = await testDatabase();
    await using pools = poolsOf(database.url);
    const kept = await pools.read.connect();
    const [{ pid: before } = { pid: 0 }] = (await kept.query<{ pid: number }>(PID)).rows;
    kept.release();
    const writing = await pools.write.connect();
    await writing.query("begin read only");
    await expect(writing.query("create table t (i int)")).rejects.toMatchObject({ code: "25006" });
    await writing.query("rollback");
    writing.release();
    const next = await pools.read.connect();
    const [{ pid: after } = { pid: 0 }] = (await next.query<{ pid: number }>(PID)).rows;
    next.release();
    expect([before === after, before > 0]).toEqual([false, true]);
  });

  it("a statement without an answer ends, and its connection with it", async () => {
    await using database = await testDatabase();
    await using pools = poolsOf(database.url);
    const client = await pools.read.connect();
    const late = { text: "select pg_sleep(60)", query_timeout: 50 };
    const failure = await client.query(late).catch((error: unknown) => postgresError(error));
    expect(failure).toMatchObject({ code: "unavailable", message: "the database cannot be reached" });
    client.release();
    const next = await pools.read.connect();
    expect(next).not.toBe(client);
    expect((await next.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    next.release();
  });

  it("through a link that is cut while it connects are an error of that host", async () => {
    await using database = await testDatabase();
    const { port } = new URL(database.url);
    const link = createServer((socket) => {
      const server = connect(Number(port), "127.0.0.1");
      server.on("error", () => undefined).once("data", () => socket.destroy());
      socket.on("error", () => undefined).on("close", () => server.destroy());
      socket.pipe(server);
    });
    await new Promise<void>((resolve) => link.listen(0, "127.0.0.1", resolve));
    const cut = (link.address() as AddressInfo).port;
    const refusal = await checkOf(database.url.replace(`:${port}/`, `:${cut}/`));
    expect(refusal).toMatchObject({
      code: "unavailable",
      message: expect.stringContaining(`127.0.0.1:${cut}: `) as string,
    });
    link.close();
  });
});

describe("values", () => {
  it("are numbers and texts, never dates, and never wrong numbers", async () => {
    await using database = await testDatabase();
    await using pools = poolsOf(database.url);
    const client = await pools.read.connect();
    const { rows } = await client.query(
      `select count(*) as count, sum(1) as sum, 9007199254740991::int8 as most, 1.5::numeric as part, 2::int2 as two, true as yes,
         '2026-01-02 03:04:05+00'::timestamptz as at, '{"a": 1.0}'::json as json, '\\x00ff'::bytea as bytes, null::int8 as none`,
    );
    expect(rows).toEqual([
      {
        ...{ count: 1, sum: 1, most: Number.MAX_SAFE_INTEGER, part: 1.5, two: 2, yes: true },
        ...{ at: "2026-01-02 03:04:05+00", json: '{"a": 1.0}', bytes: Buffer.from([0, 255]), none: null },
      },
    ]);
    await expect(client.query("select 9007199254740993 as n")).rejects.toMatchObject({ code: "internal" });
    client.release();
  });
});
