import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { useDirectory } from "../store/temporary-store.js";
import { runExecutable, startExecutable } from "../support/executable.js";
import { startReceiver } from "../support/receiver.js";

const ADMIN = "test-admin-token-0123456789";

describe("on the executable alone, with an empty environment", () => {
  const directory = useDirectory();

  it(
    "a bad prod is undone (1 step), history and audit say who and why (2 steps), watch and webhook hear it",
    { timeout: 120_000 },
    async () => {
      await using receiver = await startReceiver();
      const native = ["--native-directory", directory.path];
      await using server = await startExecutable(
        directory.path,
        ["serve", "--port", "0", "--data", join(directory.path, "data"), ...native],
        { SIGNET_ADMIN_TOKEN: ADMIN, SIGNET_RATE_LIMIT: "0", SIGNET_WEBHOOK_ALLOW: "127.0.0.1" },
      );
      const url = (await server.line(/^signet listening on /)).slice("signet listening on ".length);
      const as = (token: string) => ({ SIGNET_URL: url, SIGNET_TOKEN: token });
      const signet = async (argv: readonly string[], token = ADMIN, stdin = "") => {
        const { exitCode, out, err } = await runExecutable(directory.path, argv, as(token), stdin);
        expect({ argv, exitCode, err: exitCode === 0 ? "" : err }).toEqual({ argv, exitCode: 0, err: "" });
        return out;
      };
      const tokenOf = async (...argv: string[]) => (await signet(["token", "create", ...argv])).trim();
      const ci = await tokenOf("--ci", "--name", "deploy bot");
      const onCall = await tokenOf("--admin", "--name", "on call");
      const runtime = await tokenOf("--runtime", "--env", "prod", "--name", `watch ${randomUUID().slice(0, 8)}`);
      await signet(["webhook", "create", receiver.url, "--events", "bundle.activated"]);
      await using watch = await startExecutable(directory.path, ["watch", "--json", "--no-report"], as(runtime));

      const revision = ["--source-revision", "8f508e6c1f0a4f0c9d1b2a3c4d5e6f7081920a1b", "--reason", "release 41"];
      await signet(["publish", "--env", "staging", "-f", "-", ...revision], ci, '{"allow": ["a"]}');
      await signet(["promote", "--from", "staging", "--reason", "release 41"], ci);
      await signet(["publish", "--env", "staging", "-f", "-"], ci, '{"allow": []}');
      await signet(["promote", "--from", "staging", "--reason", "release 42"], ci);
      await watch.line(/"sequence":2,/);

      // Woken by it: one step, then who did what.
      await signet(["rollback", "--env", "prod", "--reason", "incident 311"], onCall);
      const history = await signet(["history", "--env", "prod"]);
      const audit = await signet(["audit", "list", "--env", "prod"]);

      const rows = history.split("\n").slice(1, 4);
      expect(rows[0]).toMatch(/ 3 +rollback 1 \(was 2\) +8f508e6c1f0a +on call \(signet_adm_\w+\) +incident 311 +-$/);
      expect(rows[1]).toMatch(/ 2 +promote 2 \(was 1\) +staging 2 +deploy bot \(signet_ci_\w+\) +release 42 +-$/);
      expect(rows[2]).toMatch(/ 1 +promote 1 +staging 1, 8f508e6c1f0a +deploy bot \(signet_ci_\w+\) +release 41 +-$/);
      expect(audit).toMatch(/ on call \(signet_adm_\w+\) +bundle\.activated +prod 1 +incident 311 /);
      expect(audit).toMatch(/ deploy bot \(signet_ci_\w+\) +bundle\.promoted +prod 2 +release 42 /);
      const byName = await signet(["audit", "list", "--env", "prod", "--actor", "on call", "--json"]);
      expect(JSON.parse(byName)).toMatchObject([
        { action: "bundle.activated", performed_by: { name: "on call", kind: "admin" } },
      ]);
      expect(await signet(["audit", "verify"])).toContain("the chain holds");

      const pushed = JSON.parse(await watch.line(/"sequence":3,/)) as object;
      expect(pushed).toMatchObject({ kind: "rollback", version: 1, reason: "incident 311", verified: true });
      const [told] = await receiver.count(1);
      expect(told?.event.data).toMatchObject({
        ...{ environment: "prod", version: 1, from_version: 2, kind: "rollback", reason: "incident 311" },
        performed_by: { name: "on call", kind: "admin" },
      });
    },
  );
});
