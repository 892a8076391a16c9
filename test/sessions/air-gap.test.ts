import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { builtExecutable, runExecutable, startExecutable } from "../support/executable.js";

const directory = mkdtempSync(join(tmpdir(), "signet-air-gap-"));

beforeAll(builtExecutable, 180_000);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A server in a folder of its own, and commands that are run there. */
async function openSite(name: string) {
  const folder = join(directory, name);
  mkdirSync(folder);
  const server = await startExecutable(folder, ["serve", "--port", "0", "--data", "data"]);
  const [url = ""] = /http:\S+/.exec(await server.line(/listening on/)) ?? [];
  const operator = { SIGNET_URL: url, SIGNET_DATA: "data" };
  return {
    folder,
    url,
    run: (argv: readonly string[]) => runExecutable(folder, argv, operator),
    async ok(argv: readonly string[]) {
      const { exitCode, out, err } = await runExecutable(folder, argv, operator);
      expect(exitCode, err).toBe(0);
      return out;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

describe("a bundle carried between two servers that never met, on the executable alone", () => {
  // Typed once: 1 keys --pem, 2 trust-origin add. Typed each time: 3 export, 4 import --activate.
  it("is active at the site, and its watcher verifies it by the site's own key: 2 steps once, 2 each time", async () => {
    await using headquarters = await openSite("headquarters");
    await using site = await openSite("site");
    writeFileSync(join(headquarters.folder, "policy.json"), '{"limit":1.0}');
    await headquarters.ok(["publish", "--env", "prod", "-f", "policy.json", "--reason", "release 12"]);
    const carry = (name: string, bytes: Buffer) => writeFileSync(join(site.folder, name), bytes);

    const token = (await site.ok(["token", "create", "--runtime", "--env", "prod", "--name", "edge"])).trim();
    writeFileSync(join(site.folder, "site.pem"), await site.ok(["keys", "--pem", "--env", "prod"]));
    const runtime = { SIGNET_URL: site.url, SIGNET_TOKEN: token };
    await using watcher = await startExecutable(site.folder, ["watch", "--keys", "site.pem", "--json"], runtime);
    await watcher.errLine(/nothing is active yet/);

    const pem = await headquarters.ok(["keys", "--pem", "--env", "prod"]);
    carry("headquarters.pem", Buffer.from(pem));
    await site.ok(["trust-origin", "add", "headquarters", "--keys", "headquarters.pem"]);

    await headquarters.ok(["export", "--env", "prod", "-o", "prod.tar"]);
    const tar = readFileSync(join(headquarters.folder, "prod.tar"));
    carry("prod.tar", tar);
    const imported = await site.ok(["import", "prod.tar", "--env", "prod", "--activate"]);
    expect(imported).toBe("version 1 of prod at headquarters: imported as version 1 of prod, active\n");

    const pushed = JSON.parse(await watcher.line(/import/)) as Record<string, unknown>;
    expect(pushed).toMatchObject({ kind: "import", version: 1, sequence: 1 });
    expect(await site.ok(["import", "prod.tar", "--env", "prod"])).toContain("imported before as version 1 of prod");
    expect(await site.ok(["verify", "prod.tar", "--keys", "headquarters.pem"])).toContain("verified");

    const changed = Buffer.from(tar);
    const at = changed.indexOf('"limit":1.0') + 8;
    changed[at] = 0x32;
    carry("changed.tar", changed);
    carry("cut.tar", tar.subarray(0, 2048));
    for (const file of ["changed.tar", "cut.tar"]) {
      expect((await site.run(["import", file, "--env", "prod"])).exitCode).toBe(8);
    }
    expect((await headquarters.run(["import", "prod.tar", "--env", "dev"])).exitCode).toBe(8);
  });
});
