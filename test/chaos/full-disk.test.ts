import { statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createSignetClient, type SignetClient } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node-transport.js";
import { ADMIN_TOKEN } from "../support/server.js";
import { findProject } from "./find-project.js";
import { startServerProcess, type ServerProcess } from "./server-process.js";
import { SmallDisk } from "./small-disk.js";

/** Where nobody may mount, these say so by their name and do not run. */
describe.runIf(SmallDisk.isPermitted())("a disk (needs the right to mount)", () => {
  async function withClient<T>(server: ServerProcess, use: (client: SignetClient) => Promise<T>): Promise<T> {
    using connection = openNodeTransport({ url: server.url, timeoutMs: 30_000 });
    return await use(createSignetClient({ transport: connection.transport, token: ADMIN_TOKEN }));
  }

  const publish = (server: ServerProcess) =>
    withClient(server, async (client) => {
      const policies = JSON.stringify({ long: String(Math.random()).repeat(1_000) });
      return await client.bundles.publishBundle({ ...(await findProject(client)), envName: "dev", policies });
    });
  const activate = (server: ServerProcess, version: number) =>
    withClient(server, async (client) =>
      client.bundles.activateBundle({ ...(await findProject(client)), envName: "dev", version }),
    );
  /** Until it fails, which it does within some hundred times. */
  const repeat = async (work: () => Promise<unknown>) => {
    for (let n = 0; n < 500; n += 1) await work();
  };
  /** Publishes until the disk is full, and returns the versions that there are then. The log has 256 KiB, about a dozen publications. */
  async function publishUntilRefused(server: ServerProcess): Promise<readonly number[]> {
    for (let n = 0; n < 20; n += 1) {
      if (
        await publish(server).then(
          () => false,
          () => true,
        )
      )
        return await versions(server);
    }
    throw new Error("a full disk took 20 publications");
  }

  const versions = (server: ServerProcess) =>
    withClient(server, async (client) => {
      const { bundles } = await client.bundles.listBundles({ ...(await findProject(client)), envName: "dev" });
      return bundles.map(({ version }) => version);
    });
  const readiness = async (server: ServerProcess) => (await fetch(`${server.url}/readyz`)).json();

  it("that is full, without a reserve, refuses changes and nothing else, at the end and at the next start too", async () => {
    using disk = new SmallDisk(6);
    const data = join(disk.path, "data");
    const server = await startServerProcess(data, { SIGNET_DISK_RESERVE_BYTES: "0" });
    await publish(server);
    const log: Buffer[] = [];
    server.child.stderr?.on("data", (chunk: Buffer) => void log.push(chunk));
    disk.fill();
    // The log may have space that is its own already: a few changes still find room in it.
    const kept = await publishUntilRefused(server);
    for (let n = 0; n < 5; n += 1)
      await expect(publish(server)).rejects.toThrow("the disk of the database is full (SQLITE_FULL)");
    expect(await versions(server)).toStrictEqual(kept);
    expect(await readiness(server)).toStrictEqual({
      status: "disk_full",
      reason: expect.stringContaining("the disk of the database is full (SQLITE_FULL)") as string,
    });
    expect(await server.end("SIGTERM")).toStrictEqual({ code: 0, signal: null });
    const errors = Buffer.concat(log).toString().trim().split("\n");
    expect(errors.map((line) => JSON.parse(line) as unknown)).toMatchObject([{ level: 50, cause: "SQLITE_FULL" }]);

    // One that ends as it should leaves no log, whose space the next one could use; then enough for the lock, and not for a new log.
    disk.makeRoom();
    const between = await startServerProcess(data, { SIGNET_DISK_RESERVE_BYTES: "0" });
    await between.end("SIGTERM");
    disk.fill(8 * 1024);
    const again = await startServerProcess(data, { SIGNET_DISK_RESERVE_BYTES: "0" });
    const reason = expect.stringContaining("the disk of the database is full (SQLITE_") as string;
    expect(await readiness(again)).toStrictEqual({ status: "read_only", reason });
    expect(await versions(again)).toStrictEqual(kept);
    await expect(publish(again)).rejects.toThrow("read-only: the disk of the database is full (SQLITE_");
    expect(await again.end("SIGTERM")).toStrictEqual({ code: 0, signal: null });

    disk.makeRoom();
    const later = await startServerProcess(data);
    expect(await readiness(later)).toStrictEqual({ status: "ok" });
    await publish(later);
    expect(await versions(later)).toStrictEqual([kept.length + 1, ...kept]);
    await later.end("SIGTERM");
  });

  it("that others filled before a start, to the last byte, is opened with the reserve, and only rolls back until it has space", async () => {
    using disk = new SmallDisk(8);
    const data = join(disk.path, "data");
    const server = await startServerProcess(data);
    for (const version of [1, 2]) await expect(publish(server)).resolves.toMatchObject({ version });
    const reserved = () => statSync(join(data, "signet.reserve"), { throwIfNoEntry: false })?.size;
    await expect.poll(reserved, { timeout: 10_000 }).toBe(1024 * 1024);
    await server.end("SIGKILL");
    disk.fill();
    const again = await startServerProcess(data);
    // Its log may have room for a few changes.
    await expect(repeat(() => publish(again))).rejects.toMatchObject({ reason: "disk_full" });
    expect(reserved()).toBe(0);
    expect(await readiness(again)).toMatchObject({ status: "disk_full" });
    await expect(activate(again, 1)).resolves.toMatchObject({ version: 1, isActive: true });
    disk.makeRoom();
    await expect.poll(() => readiness(again), { timeout: 10_000 }).toStrictEqual({ status: "ok" });
    expect(reserved()).toBe(1024 * 1024);
    await publish(again);
    await again.end("SIGTERM");
  });

  it("that is found full by a rollback lets that rollback through", async () => {
    using disk = new SmallDisk(8);
    const data = join(disk.path, "data");
    const server = await startServerProcess(data);
    for (const version of [1, 2]) await expect(publish(server)).resolves.toMatchObject({ version });
    const reserved = () => statSync(join(data, "signet.reserve"), { throwIfNoEntry: false })?.size;
    await expect.poll(reserved, { timeout: 10_000 }).toBe(1024 * 1024);
    disk.fill();
    for (let n = 0; reserved() !== 0 && n < 500; n += 1) await activate(server, 1 + (n % 2));
    expect(await readiness(server)).toMatchObject({ status: "disk_full" });
    expect(await versions(server)).toStrictEqual([2, 1]);
    await server.end("SIGTERM");
  });

  it.each([
    ["was killed", "SIGKILL"],
    ["ended as it should", "SIGTERM"],
  ] as const)("that is read-only is served after a server that %s", async (_how, signal) => {
    using disk = new SmallDisk(16);
    const data = join(disk.path, "data");
    const server = await startServerProcess(data);
    await publish(server);
    await server.end(signal);
    disk.remount("ro");
    const reading = await startServerProcess(data);
    expect(await versions(reading)).toStrictEqual([1]);
    expect(await readiness(reading)).toMatchObject({
      status: "read_only",
      reason: expect.stringContaining("EROFS") as string,
    });
    await expect(publish(reading)).rejects.toThrow("EROFS");
    expect(await reading.end("SIGTERM")).toStrictEqual({ code: 0, signal: null });
  });

  it("is all that a server may write to: neither the root nor a temporary directory", async () => {
    using disk = new SmallDisk(32);
    const script =
      'for m in /tmp /var/tmp /dev/shm; do mountpoint -q $m && mount -o remount,bind,ro $m; done; exec "$@"';
    const namespace = ["unshare", "--mount", "sh", "-ec", `mount -o remount,bind,ro /; ${script}`, "sh"];
    const server = await startServerProcess(join(disk.path, "data"), {}, "read", namespace);
    await expect(readFile(`/proc/${server.child.pid}/mounts`, "utf8")).resolves.toMatch(/^\S+ \/ \S+ ro\b/m);
    for (const version of [1, 2]) await expect(publish(server)).resolves.toMatchObject({ version });
    expect(await readiness(server)).toStrictEqual({ status: "ok" });
    expect(await server.end("SIGTERM")).toStrictEqual({ code: 0, signal: null });
  });
});
