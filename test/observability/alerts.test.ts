import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

/** Prometheus' own judge of rules: the Debian package `prometheus` has it. */
function promtool(...argv: readonly string[]) {
  return spawnSync("promtool", argv, { encoding: "utf8", timeout: 60_000 });
}

const rules = join(import.meta.dirname, "../../docs/observability/alerts.yml");

/** Elsewhere it says so by its name; documented.test.ts checks the rules without it. */
describe.runIf(promtool("--version").error === undefined)("the alert rules (needs promtool)", () => {
  it("are rules of Prometheus", () => {
    const { status, stdout, stderr } = promtool("check", "rules", rules);
    expect(status, stdout + stderr).toBe(0);
  });

  it("fire for what they are about, and for nothing else", () => {
    const { status, stdout, stderr } = promtool("test", "rules", join(import.meta.dirname, "alerts.promtool.yml"));
    expect(status, stdout + stderr).toBe(0);
  });
});
