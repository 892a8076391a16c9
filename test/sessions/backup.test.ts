import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { builtExecutable, runExecutable, startExecutable } from "../support/executable.js";

const PASSPHRASE = "correct horse battery staple";

describe("backup and restore, on the executable alone", () => {
  let directory = "";

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "signet-session-"));
    await builtExecutable();
  }, 180_000);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  // What the operator types: 1 backup, 2 restore, 3 serve.
  it("a server lost for good is there again, and its watchers follow, no sequence with two contents: 3 steps", async () => {
    const at = (name: string) => join(directory, name);
    await using old = await startExecutable(directory, ["serve", "--port", "0", "--data", "old"]);
    const [url = "", port = ""] = /http:\/\/[^:]+:(\d+)/.exec(await old.line(/listening on/)) ?? [];
    const operator = { SIGNET_URL: url, SIGNET_DATA: "old", SIGNET_BACKUP_PASSPHRASE: PASSPHRASE };
    const ok = async (argv: readonly string[], environment: Readonly<Record<string, string>> = operator) => {
      const { exitCode, out, err } = await runExecutable(directory, argv, environment);
      expect(exitCode, err).toBe(0);
      return out;
    };
    const publish = async (limit: number) => {
      writeFileSync(at("policy.json"), `{"limit":${limit}}`);
      return await ok(["publish", "--env", "prod", "-f", "policy.json"]);
    };
    await publish(1);
    const token = (await ok(["token", "create", "--runtime", "--env", "prod", "--name", "fleet"])).trim();
    await using watcher = await startExecutable(
      directory,
      ["watch", "--json", "--out", "now.json", "--instance", "edge"],
      {
        SIGNET_URL: url,
        SIGNET_TOKEN: token,
      },
    );
    const pushed = (sequence: number) => watcher.line(new RegExp(`"sequence":${sequence}\\b`));
    await pushed(1);

    const backedUp = await ok(["backup", "-o", "full.tar", "--with-keys"]);
    expect(backedUp).toMatch(/^wrote .*full\.tar \(.* with keys\)\n$/);
    expect(readdirSync(at("old/backups"))).toEqual([]);
    expect(await ok(["verify-backup", "full.tar"])).toMatch(/^keys +in it, and the passphrase opens them$/m);

    // After the backup: what is lost with the server. The watcher has seen it.
    await publish(2);
    await pushed(2);
    await old.stop("SIGKILL");
    rmSync(at("old"), { recursive: true });

    const restored = await ok(["restore", "full.tar", "--data", "new"]);
    expect(restored).toContain("raised sequences and versions of 3 environments by 1000000; activated 1 again\n");
    await using again = await startExecutable(directory, ["serve", "--port", port, "--data", "new"]);
    await again.line(/listening on/);

    // The watcher goes from 2 to what the backup had, under a sequence that nothing had before.
    await pushed(1_000_001);
    const sequences = [...watcher.out.matchAll(/"sequence":(\d+)/g)].map(([, sequence]) => Number(sequence));
    expect(new Set(sequences)).toEqual(new Set([1, 2, 1_000_001]));
    expect(JSON.parse(readFileSync(at("now.json"), "utf8"))).toMatchObject({ policies: { limit: 1 } });

    const admin = { ...operator, SIGNET_DATA: "new" };
    const lost = await runExecutable(directory, ["whoami"], admin);
    expect(lost.exitCode).toBe(3);
    await again.stop();
    const key = (await ok(["token", "create", "--admin", "--data", "new"], {})).trim();
    await using last = await startExecutable(directory, ["serve", "--port", port, "--data", "new"]);
    await last.line(/listening on/);
    const as = { SIGNET_URL: url, SIGNET_TOKEN: key };
    expect(await ok(["audit", "verify"], as)).toMatch(/the chain holds/);
    const deployments = await ok(["deployments", "--env", "prod", "--json"], as);
    expect(deployments).toMatch(/restored from the backup of 20\d\d-/);
    writeFileSync(at("policy.json"), '{"limit":3}');
    await ok(["publish", "--env", "prod", "-f", "policy.json"], as);
    await pushed(1_000_002);
    expect(existsSync(at("new.restoring"))).toBe(false);
  }, 180_000);

  it("refuses a damaged backup, another passphrase and a directory that is in use", async () => {
    const run = (argv: readonly string[], environment: Readonly<Record<string, string>> = {}) =>
      runExecutable(directory, argv, environment);
    const whole = readFileSync(join(directory, "full.tar"));
    const bent = Buffer.from(whole);
    bent.writeUInt8(bent.readUInt8(70_000) ^ 1, 70_000);
    writeFileSync(join(directory, "bent.tar"), bent);
    writeFileSync(join(directory, "cut.tar"), whole.subarray(0, whole.length - 1));
    for (const name of ["bent.tar", "cut.tar"]) {
      expect((await run(["verify-backup", name])).exitCode, name).toBe(8);
      const restored = await run(["restore", name, "--data", "x"], { SIGNET_BACKUP_PASSPHRASE: PASSPHRASE });
      expect(restored.exitCode, restored.err).toBe(8);
    }
    const wrong = await run(["restore", "full.tar", "--data", "x"], { SIGNET_BACKUP_PASSPHRASE: `${PASSPHRASE}!` });
    expect({ ...wrong, out: "" }).toMatchObject({ exitCode: 6, err: expect.stringContaining("passphrase") as string });
    const used = await run(["restore", "full.tar", "--data", "new"], { SIGNET_BACKUP_PASSPHRASE: PASSPHRASE });
    expect(used).toMatchObject({ exitCode: 5, err: expect.stringContaining("is not empty") as string });
    expect(readdirSync(directory).filter((name) => /^x|restoring|partial/.test(name))).toEqual([]);
  }, 120_000);
});
