import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runExecutable, startExecutable } from "../support/executable.js";
import { useDirectory } from "../store/temporary-store.js";

const ADMIN = "test-admin-token-0123456789";

const directory = useDirectory();

it(
  "the signing key is rotated while a runtime watches (4 steps: rotate, keys --pem, activate, publish)",
  { timeout: 300_000 },
  async () => {
    const folder = directory.path;
    await using server = await startExecutable(folder, ["serve", "--port", "0"], { SIGNET_ADMIN_TOKEN: ADMIN });
    const SIGNET_URL = (await server.line(/listening/)).replace("signet listening on ", "");
    const signet = async (argv: readonly string[], stdin = "", token = ADMIN) => {
      const { exitCode, out, err } = await runExecutable(folder, argv, { SIGNET_URL, SIGNET_TOKEN: token }, stdin);
      return { exitCode, out, err };
    };
    const keysFile = join(folder, "keys.pem");
    const pin = async () => writeFileSync(keysFile, (await signet(["keys", "--pem"])).out);
    await signet(["publish", "--env", "dev", "-f", "-"], '{"n": 1}');
    await pin();
    const runtime = (await signet(["token", "create", "--runtime", "--env", "dev"])).out.trim();
    const watch = ["watch", "--keys", "keys.pem", "--instance", "pod-1"];
    await using watcher = await startExecutable(folder, watch, { SIGNET_URL, SIGNET_TOKEN: runtime });
    await watcher.line(/version=1 .* verified/);

    // 1: the next key is announced. The runtime has not got it: an activation is refused, and says so.
    const rotated = JSON.parse((await signet(["keys", "rotate", "--json"])).out) as { next: { key_id: string } };
    const nextId = rotated.next.key_id;
    await expect
      .poll(async () => (await signet(["keys", "status"])).out, { timeout: 60_000 })
      .toMatch(/^dev +pod-1 +[0-9a-f]{16} /m);
    const early = await signet(["keys", "activate"]);
    expect(early).toMatchObject({ exitCode: 5, err: expect.stringContaining("1 do not trust the key") as string });

    // 2: the runtime gets both keys; it says so with its next report.
    await pin();
    await signet(["publish", "--env", "dev", "-f", "-"], '{"n": 2}');
    await watcher.line(/version=2 .* verified/);
    const trusts = async () => (await signet(["keys", "status"])).out;
    await expect.poll(trusts, { timeout: 60_000 }).toMatch(/^instances +1 live: 1 trust the next key/m);

    // 3 and 4: the new key signs from the next publication on, and the runtime verifies it.
    expect(await signet(["keys", "activate"])).toMatchObject({ exitCode: 0 });
    await signet(["publish", "--env", "dev", "-f", "-"], '{"n": 3}');
    expect(await watcher.line(/version=3 /)).toContain(`verified key=${nextId}`);
  },
);
