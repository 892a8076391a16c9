import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runExecutable, startExecutable } from "../support/executable.js";
import { useDirectory } from "../store/temporary-store.js";

const temporary = useDirectory();

it(
  "prod is protected (lifted in 1 step), live runtimes need --force, prod made again goes on for the same watcher (2 steps), " +
    "a viewer looks (1 step), the admin token is rotated (1 step)",
  { timeout: 120_000 },
  async () => {
    const directory = temporary.path;
    await using server = await startExecutable(directory, ["serve", "--port", "0", "--data", "data"]);
    const line = await server.line(/^signet listening on /);
    const url = line.slice("signet listening on ".length);
    // Nothing but the address: the token is in the data directory.
    const signet = (argv: readonly string[], environment: Readonly<Record<string, string>> = {}, stdin = "") =>
      runExecutable(directory, argv, { SIGNET_URL: url, SIGNET_DATA: "data", ...environment }, stdin);
    const publish = async (n: number) =>
      expect(await signet(["publish", "--env", "prod", "-f", "-"], {}, `{"n":${n}}`)).toMatchObject({ exitCode: 0 });
    const runtimeToken = async (name: string) =>
      (await signet(["token", "create", "--runtime", "--env", "prod", "--name", name])).out.trim();
    const watch = (token: string) =>
      startExecutable(directory, ["watch", "--instance", "edge-1", "--cache", "cache.json", "--json"], {
        ...{ SIGNET_URL: url, SIGNET_TOKEN: token },
      });

    await publish(1);
    await publish(2);
    {
      await using watcher = await watch(await runtimeToken("first"));
      await watcher.line(/"sequence": ?2\b/);
      const refused = await signet(["envs", "delete", "prod", "--yes", "--force"]);
      expect(refused).toMatchObject({ exitCode: 5, err: expect.stringContaining("--no-protected") as string });
      expect(await signet(["envs", "update", "prod", "--no-protected"])).toMatchObject({ exitCode: 0 });
      expect(await signet(["envs", "delete", "prod", "--yes"])).toMatchObject({
        ...{ exitCode: 5, err: expect.stringContaining("runtime is live") as string },
      });
      const forced = ["envs", "delete", "prod", "--yes", "--force", "--reason", "rebuilt"];
      expect(await signet(forced)).toMatchObject({ exitCode: 0 });
      await watcher.exit;
    }

    expect(await signet(["envs", "create", "prod", "--protected", "--restore-links"])).toMatchObject({ exitCode: 0 });
    await publish(3);
    {
      await using watcher = await watch(await runtimeToken("second"));
      await watcher.line(/"sequence": ?3\b/);
      expect(watcher.out).not.toContain("rejected");
    }
    expect(JSON.parse((await signet(["envs", "--json"])).out)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: "staging", promotes_to: "prod" }),
        expect.objectContaining({ name: "prod", protected: true, active_version: 3, sequence: 3 }),
      ]),
    );

    const viewer = (await signet(["token", "create", "--viewer", "--audit", "--name", "auditor"])).out.trim();
    const looking = { SIGNET_TOKEN: viewer };
    expect((await signet(["envs"], looking)).out).toMatch(/^prod /m);
    expect((await signet(["audit", "list"], looking)).exitCode).toBe(0);
    expect((await signet(["publish", "--env", "prod", "-f", "-"], looking, "{}")).exitCode).toBe(3);
    expect((await signet(["watch", "--count", "1"], looking)).exitCode).toBe(3);
    expect((await signet(["token", "list"], looking)).exitCode).toBe(3);
    const metrics = (await signet(["token", "create", "--metrics"])).out.trim();
    expect((await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${metrics}` } })).status).toBe(200);
    expect((await signet(["envs"], { SIGNET_TOKEN: metrics })).exitCode).toBe(3);

    const file = join(directory, "data/admin-token");
    const before = readFileSync(file, "utf8");
    const { id } = JSON.parse((await signet(["whoami", "--json"])).out) as { id: number };
    const rotated = await signet(["token", "rotate", String(id)]);
    expect(rotated.err).toContain("admin-token");
    expect(readFileSync(file, "utf8")).toBe(rotated.out);
    expect(rotated.out).not.toBe(before);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await signet(["whoami"])).exitCode).toBe(0);
    expect((await signet(["whoami"], { SIGNET_TOKEN: before.trim() })).exitCode).toBe(3);
  },
);
