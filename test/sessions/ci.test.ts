import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { builtExecutable, runExecutable, startExecutable } from "../support/executable.js";
import { useDirectory } from "../store/temporary-store.js";

const ADMIN = "test-admin-token-0123456789";
const directory = useDirectory();

/** The script of docs/tasks.md, as it stands there. */
function deployScript(): string {
  const page = readFileSync(join(import.meta.dirname, "../../docs/tasks.md"), "utf8");
  return /^```sh file="deploy\.sh"\n([^]*?)^```$/m.exec(page)?.[1] ?? "";
}

it("CI in twelve lines: a job makes a version, the same job again makes none", { timeout: 300_000 }, async () => {
  const folder = directory.path;
  const script = deployScript();
  expect(script.trimEnd().split("\n").length).toBeGreaterThan(5);
  expect(script.trimEnd().split("\n").length).toBeLessThanOrEqual(12);
  mkdirSync(join(folder, "bin"));
  symlinkSync(await builtExecutable(), join(folder, "bin/signet"));
  writeFileSync(join(folder, "deploy.sh"), script);
  writeFileSync(join(folder, "policy.yaml"), "pii:\n  enabled: true\n");
  await using server = await startExecutable(folder, ["serve", "--port", "0"], { SIGNET_ADMIN_TOKEN: ADMIN });
  const SIGNET_URL = (await server.line(/listening/)).replace("signet listening on ", "");
  const admin = { SIGNET_URL, SIGNET_TOKEN: ADMIN };
  const created = await runExecutable(folder, ["token", "create", "--ci", "--project", "default"], admin);
  const env = { PATH: `${join(folder, "bin")}:/usr/bin:/bin`, SIGNET_URL, SIGNET_TOKEN: created.out.trim() };
  const versions = async (name: string) => {
    const { out } = await runExecutable(folder, ["bundles", "--env", name, "--json"], admin);
    return (JSON.parse(out) as unknown[]).length;
  };
  const job = (CI_COMMIT_SHA: string) =>
    promisify(execFile)("sh", ["deploy.sh"], { cwd: folder, env: { ...env, CI_COMMIT_SHA } });

  for (const commit of ["4f2c9ab", "4f2c9ab", "77be012"]) {
    await job(commit);
    expect([await versions("dev"), await versions("staging")]).toEqual([1, 1]);
  }
  writeFileSync(join(folder, "policy.yaml"), "pii:\n  enabled: false\n");
  await job("90aa311");
  expect([await versions("dev"), await versions("staging")]).toEqual([2, 2]);
});
