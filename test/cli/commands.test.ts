import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/config.js";
import { startServer, type RunningServer } from "../../src/server/server.js";
import { runSignet } from "./in-process.js";

const folder = mkdtempSync(join(tmpdir(), "signet-commands-"));
const ADMIN = "an-admin-token-that-the-test-chose";
const ADMIN_SEES = 'environment "nosuch" not found; existing: dev, staging, prod';
let server: RunningServer;

beforeAll(async () => {
  const environment = { SIGNET_ADMIN_TOKEN: ADMIN };
  server = await startServer(loadConfig(environment, { port: "0", data: join(folder, "data"), logLevel: "silent" }));
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const policy = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

async function signet(argv: readonly string[], token = ADMIN, stdin = "") {
  return await runSignet(argv, { environment: { SIGNET_URL: server.url, SIGNET_TOKEN: token }, stdin });
}

async function json(argv: readonly string[], token = ADMIN, stdin = ""): Promise<unknown> {
  const { exitCode, out, err } = await signet([...argv, "--json"], token, stdin);
  expect(exitCode, err).toBe(0);
  expect(out.trimEnd()).not.toContain("\n");
  return JSON.parse(out);
}

describe("commands against a server", () => {
  it("whoami", async () => {
    expect(await json(["whoami"])).toMatchObject({ key_type: "admin", project_id: null, environment: null });
    expect((await signet(["whoami"])).out).toMatch(/^type +admin$/m);
  });

  it("publish sends JSON to the digit, and the server judges it", async () => {
    const argv = ["publish", "-f", "-", "--env", "dev"];
    expect(await json(argv, ADMIN, '{"limit": 2.00}')).toMatchObject({ version: 1, is_active: true });
    const document = await signet(["bundles", "document", "1", "--env", "dev"]);
    expect(document.out).toContain('"policies":{"limit":2.0}');
    expect((await signet(["bundles", "get", "1", "--env", "dev"])).out).toContain('"limit": 2.0\n');
    const refused = await signet([...argv, "--json"], ADMIN, '{"a": 9007199254740993, "b": 1}');
    expect({ exitCode: refused.exitCode, out: refused.out }).toEqual({ exitCode: 6, out: "" });
    expect(JSON.parse(refused.err)).toMatchObject({
      error: "invalid",
      fields: [{ loc: ["body", "policies", "a"], type: "integer_precision" }],
    });
    const duplicate = await signet(argv, ADMIN, '{"a": 1, "a": 2}');
    expect(duplicate.exitCode).toBe(6);
    expect(duplicate.err).toContain("duplicate_key");
  });

  it.each([
    [
      "p.yaml",
      "a:\n  b: 012345678901\n",
      ":2:6: 012345678901 is a text in YAML 1.1 and a number in YAML 1.2: quote it",
    ],
    ["p.yaml", "country: no\n", ":1:10: no is false in YAML 1.1 and a text in YAML 1.2: quote it, or pass --yaml-1.2"],
    ["p.yaml", "a: &x 1\nb: *x\n", "write the value at each alias, or pass --expand-anchors"],
    ["p.yaml", "- 1\n", ":1:1: expected an object, found a list: pass --under <key>"],
    ["p.yaml", "a: 1\n---\nb: 2\n", ":2:1: a second document"],
    ["p.yaml", 'a: "x\ny"\n', "indent the lines that follow"],
    ["p.yaml", "a: !x 1\n", ":1:4: "],
    ["p.json", '{\n  "a": 1, // why\n}', ":2:11: JSON has no comments: remove it"],
    ["p.json", '{\n  "a": 1,\n}', ":3:1: not JSON: "],
    ["p.json", "\n [1]", ":2:2: expected an object, found a list: pass --under <key>"],
  ])("publish refuses %s %j before it connects", async (name, text, message) => {
    const file = policy(name, text);
    const { exitCode, err } = await signet(["publish", "-f", file, "--env", "dev"]);
    expect(err).toContain(`${file}:`);
    expect(err).toContain(message);
    expect(exitCode).toBe(6);
  });

  it("publish insists, expands, and puts a list under a key", async () => {
    const publish = async (text: string, options: readonly string[], name = "q.yaml") => {
      const argv = ["artifact", "create", "-f", policy(name, text), ...options];
      const { id } = (await json(argv)) as { id: string };
      return (await signet(["artifact", "get", id, "--json"])).out;
    };
    expect(await publish("a: no\nb: 0644\n", ["--yaml-1.2"])).toContain('{"a":"no","b":644}');
    expect(await publish("a: &x [1.0]\nb: *x\n", ["--expand-anchors"])).toContain('{"a":[1.0],"b":[1.0]}');
    expect(await publish("- 1.\n", ["--under", 'the "rules"'])).toContain('{"the \\"rules\\"":[1.0]}');
    expect(await publish("[1.50]", ["--under", "rules"], "q.json")).toContain('{"rules":[1.5]}');
  });

  it("rollback goes to the version below that was active last, and --hold keeps it there until envs release", async () => {
    await json(["envs", "create", "pinned", "--no-promotes-to"]);
    const at = ["--env", "pinned"];
    for (const n of [1, 2, 3]) await json(["publish", "-f", "-", ...at], ADMIN, `{"n": ${n}}`);
    const change = { dry_run: true, unchanged: false, quota: null, difference: { changes_total: 1 } };
    expect(await json(["rollback", ...at, "--dry-run"])).toMatchObject({ version: 2, is_active: false, change });
    const previewed = await signet(["activate", "1", ...at, "--dry-run"]);
    expect(previewed.out).toMatch(/^dry run: would have activated version 1 in \S+\n/);
    expect((await signet(["rollback", ...at, "--dry-run", "--wait"])).exitCode).toBe(2);
    expect(await json(["rollback", ...at])).toMatchObject({ version: 2, sequence: 4 });
    expect(await json(["rollback", ...at, "--hold", "--reason", "INC-311"])).toMatchObject({ version: 1, sequence: 5 });
    const refused = await signet(["publish", "-f", "-", ...at], ADMIN, '{"n": 4}');
    expect(refused.exitCode).toBe(5);
    expect(refused.err).toMatch(
      /held at version 1 by first admin \(\S+\) since .*: INC-311; end the hold with signet envs release/,
    );
    expect(await json(["rollback", ...at, "--to", "3", "--hold"])).toMatchObject({ version: 3 });
    expect(await json(["envs", "release", "pinned"])).toMatchObject({ active_version: 3, hold: null });
    expect(await json(["publish", "-f", "-", ...at], ADMIN, '{"n": 4}')).toMatchObject({ version: 4, is_active: true });
    expect((await signet(["rollback", ...at, "--if-match", "1"])).exitCode).toBe(5);
    expect((await signet(["rollback", "--env", "staging"])).exitCode).toBe(4);
    const history = await signet(["history", ...at, "--limit", "3"]);
    expect(history.out).toMatch(/^WHEN +SEQUENCE +WHAT +FROM +WHO +WHY +TITLE\n/);
    expect(history.out).toMatch(/ 7 +publish 4 \(was 3\) +- +first admin \(\S+\) +- +-\n/);
    expect(history.out).toMatch(/ 5 +rollback 1 \(was 2\) +- +first admin \(\S+\) +INC-311 +-\n/);
    expect(history.err).toContain("3 of 7; more with --limit or --offset");
    const audit = ["audit", "list", "--actor", "first admin", "--action", "bundle.activated", ...at];
    expect((await signet(audit)).out).toMatch(/ first admin \(\S+\) +bundle.activated +pinned 1 +INC-311 /);
    expect(await json([...audit, "--until", "2020-01-01"])).toEqual([]);
    await json(["envs", "delete", "pinned", "--yes"]);
  });

  it("publish takes everything that says where a document came from", async () => {
    const yaml = policy("p.yaml", "limit: 2\n");
    const scoped = policy("scoped.yaml", '"*:*:*:dev": {limit: 3}\n');
    const argv = [
      "publish",
      "-f",
      yaml,
      "--env",
      "dev",
      "--scope-policies",
      scoped,
      "--title",
      "T",
      "--description",
      "D",
    ];
    const more = [
      "--label",
      "a=b",
      "--label",
      "c=",
      "--published-by",
      "me",
      "--source-revision",
      "abc",
      "--no-activate",
    ];
    expect(await json([...argv, ...more])).toMatchObject({
      version: 2,
      is_active: false,
      title: "T",
      description: "D",
      labels: { a: "b", c: "" },
      published_by: "me",
      source: { repository: "", revision: "abc", url: "" },
      sequence: null,
    });
    expect(await json(["bundles", "get", "2", "--env", "dev"])).toMatchObject({
      policies_json: { limit: 2 },
      scope_policies_json: { "*:*:*:dev": { limit: 3 } },
    });
  });

  it.each([
    [["bundles"], "bundles"],
    [["bundles", "get", "2"], "bundles/2"],
    [["deployments"], "deployments"],
    [["runtimes"], "runtimes"],
  ])("%j answers with --json what REST answers", async (argv, path) => {
    const { org_id: orgId } = (await json(["whoami"])) as { org_id: string };
    const [project] = (await json(["projects"])) as { id: string }[];
    const url = `${server.url}/v1/orgs/${orgId}/projects/${project?.id}/envs/dev/${path}`;
    const response = await fetch(url, { headers: { Authorization: `Bearer ${ADMIN}` } });
    expect(await json([...argv, "--env", "dev"])).toEqual(await response.json());
  });

  it("activate, its guard, and a retry", async () => {
    const activate = ["activate", "2", "--env", "dev"];
    const stale = await signet([...activate, "--if-match", "0"]);
    expect(stale.exitCode).toBe(5);
    const first = await json([...activate, "--if-match", "1", "--idempotency-key", "k1"]);
    expect(first).toMatchObject({ version: 2, is_active: true, sequence: 2 });
    expect(await json([...activate, "--if-match", "1", "--idempotency-key", "k1"])).toEqual(first);
    expect((await signet(["activate", "99", "--env", "dev"])).exitCode).toBe(4);
  });

  it("bundles, deployments and diff", async () => {
    expect(await json(["bundles", "--env", "dev"])).toMatchObject([{ version: 2 }, { version: 1 }]);
    expect((await signet(["bundles", "--env", "dev", "--limit", "1"])).err).toMatch(/^1 of 2; /);
    expect(await json(["bundles", "list", "--env", "dev", "--before", "2"])).toMatchObject([{ version: 1 }]);
    expect(await json(["deployments", "--env", "dev"])).toMatchObject({
      total: 2,
      data: [{ sequence: 2, kind: "activate" }, {}],
    });
    expect(await json(["diff", "1", "2", "--env", "dev"])).toEqual([{ op: "replace", path: "/limit", value: 2 }]);
    const shown = [
      ...["dev version 1 -> dev version 2 (active)", "2 changes", "~ /policies/limit  2.0 -> 2"],
      '+ /scope_policies/*:*:*:dev  {"limit":3}\n',
    ].join("\n");
    expect((await signet(["diff", "1", "2", "--env", "dev"])).out).toBe(shown);
    expect((await signet(["diff", "1", "--env", "dev"])).out).toBe(shown);
    expect((await signet(["bundles", "delete", "2", "--env", "dev"])).exitCode).toBe(5);
    expect(await json(["bundles", "delete", "1", "--env", "dev"])).toEqual({ deleted: 1 });
  });

  it("watch says which token it needs", async () => {
    const { exitCode, out, err } = await signet(["watch", "--env", "dev"]);
    expect({ exitCode, out }).toEqual({ exitCode: 3, out: "" });
    expect(err).toContain("needs the scope runtime");
    expect(err).toContain("; watch needs a runtime token: signet token create --runtime --env <env>\n");
  });

  it.each([
    [["publish", "-f", "-", "--env", "nosuch"], ADMIN_SEES],
    [["promote", "--from", "nosuch"], ADMIN_SEES],
    [["activate", "1", "--env", "nosuch"], ADMIN_SEES],
    [["bundles", "--env", "nosuch"], ADMIN_SEES],
    [["bundles", "document", "1", "--env", "nosuch"], ADMIN_SEES],
    [["deployments", "--env", "nosuch"], ADMIN_SEES],
    [["token", "create", "--runtime", "--env", "nosuch"], ADMIN_SEES],
    [["bundles", "get", "9999", "--env", "dev"], 'version 9999 of "dev" not found; the newest of "dev": 2'],
  ])("says what is not there: signet %j", async (argv, message) => {
    const { exitCode, out, err } = await signet(argv, ADMIN, `{"n": 1}`);
    expect({ exitCode, out }).toEqual({ exitCode: 4, out: "" });
    expect(err.split("\n")[0]).toBe(`signet: ${message}`);
  });

  it("asks which environment when nobody said", async () => {
    const { exitCode, err } = await signet(["bundles"]);
    expect(exitCode).toBe(2);
    expect(err).toContain("--env");
  });

  it("projects with environments of their own and without runtime tokens", async () => {
    const argv = ["projects", "create", "Bare", "--no-runtime-keys", "--environments", "test", "live"];
    const made = (await json(argv)) as { id: string; runtime_keys: object[]; environments: object[] };
    expect(made.runtime_keys).toEqual([]);
    expect(made.environments).toMatchObject([
      { name: "test", promotes_to: "live" },
      { name: "live", promotes_to: null },
    ]);
    await json(["projects", "delete", made.id, "--yes"]);
  });

  it("projects, by UUID, slug and name", async () => {
    const made = (await json(["projects", "create", "Second One"])) as { id: string; runtime_keys: object[] };
    expect(made.runtime_keys).toHaveLength(3);
    expect(await json(["projects"])).toHaveLength(2);
    for (const project of [made.id, "second-one", "Second One"]) {
      expect(await json(["envs", "--project", project])).toMatchObject([{ name: "dev", active_version: null }, {}, {}]);
    }
    expect((await signet(["envs", "--project", "third"])).exitCode).toBe(4);
    // There are two now; the one that is called default still needs no name.
    expect(await json(["envs"])).toMatchObject([{ name: "dev", active_version: 2 }, {}, {}]);
    expect(await json(["projects", "delete", "second-one", "--yes"])).toEqual({ deleted: made.id });
  });

  it("envs", async () => {
    const created = await json(["envs", "create", "qa", "--promotes-to", "prod"]);
    expect(created).toMatchObject({ name: "qa", promotes_to: "prod", position: 3 });
    expect(await json(["envs", "update", "qa", "--position", "7"])).toMatchObject({ position: 7, promotes_to: "prod" });
    expect(await json(["envs", "update", "qa", "--no-promotes-to"])).toMatchObject({ position: 7, promotes_to: null });
    expect(await json(["envs", "delete", "qa", "--yes"])).toEqual({ deleted: "qa" });
  });

  it("tokens: the secret alone on standard output, once", async () => {
    const { exitCode, out, err } = await signet(["token", "create", "--ci", "--environments", "dev", "--name", "ci"]);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^\S+\n$/);
    expect(err).not.toContain(out.trim());
    const ci = out.trim();
    expect(await json(["whoami"], ci)).toMatchObject({ key_type: "ci" });
    expect((await signet(["publish", "-f", "-", "--env", "prod"], ci, "{}")).exitCode).toBe(3);
    expect((await signet(["audit"], ci)).exitCode).toBe(2);
    expect((await signet(["audit", "list"], ci)).exitCode).toBe(3);

    const tokens = (await json(["token", "list", "--type", "ci"])) as { id: number; raw_key: null }[];
    expect(tokens).toMatchObject([{ name: "ci", raw_key: null, environments: ["dev"] }]);
    const id = String(tokens[0]?.id);
    const rotated = (await json(["token", "rotate", id])) as { raw_key: string };
    expect((await signet(["whoami"], ci)).exitCode).toBe(3);
    expect((await signet(["whoami"], rotated.raw_key)).exitCode).toBe(0);
    expect(await json(["token", "revoke", id])).toEqual({ revoked: Number(id) });
    expect((await signet(["whoami"], rotated.raw_key)).exitCode).toBe(3);
  });

  it("a second runtime token of an environment needs a name", async () => {
    const argv = ["token", "create", "--runtime", "--env", "prod"];
    expect(await json([...argv, "--expires-in-days", "1"])).toMatchObject({ key_type: "runtime", name: null });
    expect(await json([...argv, "--name", "second"])).toMatchObject({ name: "second", expires_at: null });
    const { exitCode, err } = await signet([...argv, "--json"]);
    expect(exitCode).toBe(5);
    expect(JSON.parse(err)).toMatchObject({ error: "runtime_key_exists" });
  });

  it("keys, audit and orgs", async () => {
    const keys = (await json(["keys"])) as { public_key_pem: string; purpose: string }[];
    const { out } = await signet(["keys", "--pem"]);
    expect(out).toBe(keys.find(({ purpose }) => purpose === "bundles")?.public_key_pem);
    expect((await signet(["keys", "--pem", "--env", "dev"])).out).toBe(out);
    await signet(["envs", "create", "keyed", "--signing-key", "environment"]);
    const own = (await signet(["keys", "--pem", "--env", "keyed"])).out;
    expect(own).toMatch(/^-----BEGIN PUBLIC KEY-----\n/);
    expect(own).not.toBe(out);
    await signet(["envs", "delete", "keyed", "--yes"]);
    expect(await json(["audit", "list", "--action", "bundle.*", "--limit", "1"])).toHaveLength(1);
    expect(await json(["audit", "verify"])).toMatchObject({ valid: true, first_broken: null });
    expect(await json(["orgs"])).toMatchObject({ total: 1 });
    const made = (await json(["orgs", "create", "Other", "--versions-per-environment", "1"])) as {
      admin_token: { raw_key: string };
    };
    const other = made.admin_token.raw_key;
    expect((await signet(["orgs"], other)).exitCode).toBe(3);
    expect((await signet(["projects"], other)).out).not.toContain("default");
    expect((await signet(["envs", "--org", "other"], other)).exitCode).toBe(4);
  });

  it("a reader of another organization's head is told so", async () => {
    const head = (await json(["audit", "head"])) as { org_id: string };
    const file = policy("head.json", JSON.stringify({ ...head, org_id: "00000000-0000-0000-0000-000000000000" }));
    const { exitCode, err } = await signet(["audit", "verify", "--expect-head", file]);
    expect(exitCode).toBe(6);
    expect(err).toContain("is the head of organization");
  });
});

describe("prune against a server", () => {
  it("shows a plan and deletes nothing without --yes; --yes deletes by the rules", async () => {
    const rules = ["prune", "--env", "dev", "--keep-newest", "1"];
    for (const n of [1, 2]) await json(["publish", "-f", "-", "--env", "dev"], ADMIN, `{"prune": ${n}}`);
    const before = (await json(["bundles", "--env", "dev"])) as object[];
    const planned = await signet(rules);
    expect(planned.out).toMatch(/^dev +0 +\d+/m);
    expect(planned.err).toContain("--yes");
    expect(await signet([...rules, "--dry-run"])).toEqual(planned);
    // Everything was published today, which every rule keeps.
    expect(await json([...rules, "--yes"])).toMatchObject({
      ...{ dry_run: false, more: false },
      environments: [{ environment: "dev", production: false, deleted: 0, kept: before.length, versions: [] }],
    });
    expect(await json(["bundles", "--env", "dev"])).toEqual(before);
    const refused = await signet([...rules, "--production", "nowhere"]);
    expect({ exitCode: refused.exitCode, out: refused.out }).toEqual({ exitCode: 6, out: "" });
  });
});

/** What is not there is told together with what is. */
describe("an error says what there is", () => {
  it("the newest versions", async () => {
    await signet(["projects", "create", "versions", "--no-runtime-keys"]);
    const nothing = await signet(["activate", "1", "--env", "staging", "--project", "versions"]);
    expect({ exitCode: nothing.exitCode, err: nothing.err }).toMatchObject({ exitCode: 4 });
    expect(nothing.err).toContain('nothing was published to "staging" yet');
    for (let version = 1; version <= 6; version += 1) {
      await signet(["publish", "-f", "-", "--env", "staging", "--project", "versions"], ADMIN, `{"a":${version}}`);
    }
    for (const argv of [
      ["activate", "99"],
      ["bundles", "get", "99"],
      ["bundles", "document", "99"],
      ["bundles", "delete", "99"],
    ]) {
      const { exitCode, err } = await signet([...argv, "--env", "staging", "--project", "versions"]);
      expect(err).toContain('; the newest of "staging": 6, 5, 4, 3, 2\n');
      expect(exitCode).toBe(4);
    }
  });
});
