import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { builtExecutable, runExecutable, startExecutable } from "../support/executable.js";

const directory = mkdtempSync(join(tmpdir(), "signet-preview-"));
const file = (name: string) => join(directory, name);

beforeAll(builtExecutable, 180_000);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("a change that is looked at before it is made, on the executable alone", () => {
  // What the operator types: 1 diff, 2 promote --dry-run, 3 promote --skip-unchanged; and a CI job 4 publish --dry-run against a schema.
  it("diff, dry run, promote, skip: 3 steps, and one for CI", { timeout: 60_000 }, async () => {
    await using server = await startExecutable(directory, ["serve", "--port", "0", "--data", "data"]);
    const [url = ""] = /http:\S+/.exec(await server.line(/listening on/)) ?? [];
    const signet = (...argv: readonly string[]) =>
      runExecutable(directory, argv, { SIGNET_URL: url, SIGNET_DATA: "data" });
    const ok = async (...argv: readonly string[]) => {
      const { exitCode, out, err } = await signet(...argv);
      expect(exitCode, err).toBe(0);
      return out;
    };
    const versions = async (env: string) => JSON.parse(await ok("bundles", "--env", env, "--json")) as unknown[];
    writeFileSync(file("one.yaml"), "limit: 1\nmode: warn\n");
    writeFileSync(file("two.yaml"), "limit: 2\nmode: warn\n");
    await ok("publish", "--env", "dev", "-f", "one.yaml");
    await ok("promote", "--from", "dev");
    await ok("publish", "--env", "dev", "-f", "two.yaml");

    expect(await ok("diff", "--from", "dev", "--to", "staging")).toBe(
      "staging version 1 (active) -> dev version 2 (active), as it would be promoted\n1 change\n~ /policies/limit  1 -> 2\n",
    );
    const shown = await ok("promote", "--from", "dev", "--dry-run");
    expect(shown).toMatch(
      /^dry run: would have promoted dev: .* version 2 in staging\n1 change\n~ \/policies\/limit {2}1 -> 2\n/,
    );
    expect(await versions("staging")).toHaveLength(1);
    expect(await ok("promote", "--from", "dev", "--skip-unchanged")).toMatch(
      /published and activated version 2 in staging/,
    );
    expect(await ok("promote", "--from", "dev", "--skip-unchanged")).toMatch(/^nothing changed: version 2 in staging /);
    expect(await versions("staging")).toHaveLength(2);
    expect((await signet("promote", "--from", "dev")).err).toContain("nothing changed: ");
    expect(await ok("diff", "--from", "dev")).toContain("no difference");

    writeFileSync(file("schema.json"), '{"properties":{"limit":{"type":"integer","maximum":10}}}');
    await ok("schema", "set", "-f", "schema.json");
    expect(await ok("schema", "get")).toBe('{"properties":{"limit":{"type":"integer","maximum":10}}}\n');
    writeFileSync(file("bad.yaml"), "limit: 11\n");
    for (const argv of [
      ["publish", "--env", "dev", "-f", "bad.yaml", "--dry-run"],
      ["schema", "check", "-f", "bad.yaml"],
      ["schema", "check", "-f", "bad.yaml", "--schema", "schema.json"],
    ]) {
      const { exitCode, err } = await signet(...argv);
      expect([exitCode, err]).toEqual([6, expect.stringContaining("body.policies.limit: must be <= 10 (schema)")]);
    }
    expect(await ok("schema", "check", "-f", "two.yaml")).toContain("fits the schema");
    // A signed document is no policy.
    await ok("bundles", "document", "2", "--env", "dev", "--out", "bundle.json");
    const signed = await signet("publish", "--env", "dev", "-f", "bundle.json");
    expect([signed.exitCode, signed.err]).toEqual([6, expect.stringContaining("use import (signet import)")]);
    await ok("schema", "delete");
  });
});
