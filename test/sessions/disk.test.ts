import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SmallDisk } from "../chaos/small-disk.js";
import { runExecutable, startExecutable } from "../support/executable.js";
import { useDirectory } from "../store/temporary-store.js";

const TOKEN = "test-admin-token-0123456789";

/** Where nobody may mount, it says so by its name and does not run. */
describe.runIf(SmallDisk.isPermitted())("a disk of 4 MiB (needs the right to mount)", () => {
  const native = useDirectory();

  it(
    "that publishes filled: prod is rolled back on it (1 step), prune makes room (1 step), publishing works again",
    { timeout: 120_000 },
    async () => {
      using disk = new SmallDisk(4);
      await using server = await startExecutable(
        disk.path,
        ["serve", "--port", "0", "--data", join(disk.path, "data"), "--native-directory", native.path],
        { SIGNET_ADMIN_TOKEN: TOKEN, SIGNET_RATE_LIMIT: "0" },
      );
      const line = await server.line(/^signet listening on /);
      const url = line.slice("signet listening on ".length);
      const signet = (argv: readonly string[], stdin = "") =>
        runExecutable(disk.path, argv, { SIGNET_URL: url, SIGNET_TOKEN: TOKEN }, stdin);
      const policies = () => ({ numbers: Array.from({ length: 3_000 }, () => Math.random()) });
      const publish = () => signet(["publish", "--env", "prod", "-f", "-"], JSON.stringify(policies()));

      // A CI that publishes and publishes; over REST, because it is faster.
      const whoami = await fetch(`${url}/v1/whoami`, { headers: { "X-API-Key": TOKEN } });
      const { org_id: org } = (await whoami.json()) as { org_id: string };
      const endpoint = `${url}/v1/orgs/${org}/projects/default/envs/prod/bundles/publish`;
      const headers = { "X-API-Key": TOKEN, "Content-Type": "application/json" };
      let published = 0;
      for (let status = 200; status === 200; published += 1) {
        const body = JSON.stringify({ policies: policies() });
        ({ status } = await fetch(endpoint, { method: "POST", headers, body }));
      }
      expect(published).toBeGreaterThan(10);

      // A checkpoint that comes in between makes room for a few more.
      let refused = await publish();
      for (let more = 0; refused.exitCode === 0 && more < 20; more += 1) refused = await publish();
      expect(refused).toMatchObject({
        exitCode: 7,
        err: expect.stringMatching(/the disk of the database is full.*signet prune --keep-newest/) as string,
      });
      expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ status: "disk_full" });

      // The step of whoever is woken by it.
      const rollback = await signet(["rollback", "--env", "prod"]);
      expect(rollback, rollback.err + server.err).toMatchObject({
        exitCode: 0,
        out: expect.stringContaining("rolled back") as string,
      });

      const rules = ["--keep-newest", "2", "--keep-days", "0", "--keep-production-days", "0"];
      const pruned = await signet(["prune", ...rules, "--yes"]);
      expect(pruned, pruned.err + server.err).toMatchObject({ exitCode: 0 });
      const readiness = async () => ((await (await fetch(`${url}/readyz`)).json()) as { status: string }).status;
      await expect.poll(readiness, { timeout: 20_000 }).toBe("ok");
      for (let n = 0; n < 3; n += 1) {
        const again = await publish();
        expect(again, again.err + server.err).toMatchObject({ exitCode: 0 });
      }

      const logged = server.err.split("\n").filter((text) => text.startsWith("{"));
      const errors = logged
        .map((text) => JSON.parse(text) as { level: number; msg: string })
        .filter((it) => it.level >= 50);
      // Once for each time that it became full.
      const full = { msg: expect.stringContaining("the disk of the database is full") as string };
      expect(errors[0]).toMatchObject(full);
      for (const error of errors) expect(error).toMatchObject(full);
      expect(await server.stop()).toBe(0);
    },
  );
});

describe("an operator who is woken", () => {
  const directory = useDirectory();

  it("asks what is wrong (1 step), and asks again of the stopped server (1 step)", { timeout: 120_000 }, async () => {
    const data = join(directory.path, "data");
    const environment = { SIGNET_ADMIN_TOKEN: TOKEN };
    await using server = await startExecutable(directory.path, ["serve", "--port", "0", "--data", data], environment);
    const url = (await server.line(/^signet listening on /)).slice("signet listening on ".length);
    const online = await runExecutable(directory.path, ["doctor", "--full"], { SIGNET_URL: url, SIGNET_TOKEN: TOKEN });
    expect(online.out, online.err).toContain("ok       database: pages, indexes and references are sound\n");
    expect(online.out).toContain("ok       proxy-streaming: ");
    expect(await server.stop()).toBe(0);
    const offline = await runExecutable(directory.path, ["doctor", "--data", data]);
    expect(offline.out, offline.err).toContain("ok       database: its structure is sound\n");
    expect(offline.out).toContain("ok       audit-chain: ");
    expect([0, 10]).toContain(offline.exitCode);
  });
});
