import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { createSignetClient } from "../../../src/sdk/index.js";
import { openNodeTransport } from "../../../src/sdk/node-transport.js";
import { ADMIN_TOKEN, startTestServer } from "../../support/server.js";
import { runSignet } from "../in-process.js";

const KEY = "an-example-key-for-acme-only";
const SECRET = `whsec_${Buffer.alloc(32, 9).toString("base64")}`;
const sha256 = (key: string) => createHash("sha256").update(key).digest("hex");
/** The example of the documentation, with an address that needs no name server. */
const PRINTED = readFileSync(join(import.meta.dirname, "../../../examples/provision.yaml"), "utf8");
/** With a key for Acme's admin, as the file says to make one. */
const EXAMPLE = PRINTED.replace("https://hooks.example.com", "https://127.0.0.1").replace(
  /(name: acme admin\s+type: admin\s+sha256: )\w+/,
  `$1${sha256(KEY)}`,
);
const SECRETS = { SIGNET_HOOK_SECRET: SECRET, ACME_ADMIN_TOKEN: KEY };
const SETTINGS = { SIGNET_WEBHOOK_ALLOW: "127.0.0.0/8" };
let folder = "";

it("the example makes no token from a key that stands in it", () => {
  const hashes = new Set(PRINTED.match(/\b[0-9a-f]{64}\b/g));
  const words = PRINTED.split(/[\s`"'{}=]+/);
  expect(hashes.size).toBeGreaterThan(3);
  expect(words.filter((word) => hashes.has(sha256(word)))).toEqual([]);
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "signet-apply-"));
});

function written(text: string, name = "provision.yaml"): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

/** As a person with the server's admin token. */
async function apply(url: string, argv: readonly string[], options: { token?: string; stdin?: string } = {}) {
  const { token = ADMIN_TOKEN, stdin } = options;
  const environment = { ...SECRETS, SIGNET_URL: url, SIGNET_TOKEN: token };
  return await runSignet(["apply", ...argv], { environment, stdin: stdin ?? "", isInTerminal: stdin !== undefined });
}

function clientOf(url: string, token: string) {
  const connection = openNodeTransport({ url, timeoutMs: 10_000 });
  const client = createSignetClient({ transport: connection.transport, token });
  return { client, [Symbol.dispose]: () => connection[Symbol.dispose]() };
}

/** What the example declares, as the server has it. */
async function expectExample(url: string, tokens: { readonly platform: string; readonly acme: string }) {
  using platform = clientOf(url, tokens.platform);
  const { orgId } = await platform.client.tokens.whoAmI({});
  expect(await platform.client.organizations.getOrganization({ orgId })).toMatchObject({ name: "Platform" });
  const { projects } = await platform.client.organizations.listProjects({ orgId });
  const guardrails = projects.find(({ name }) => name === "Guardrails");
  expect(guardrails?.environments.map(({ name, promotesTo }) => [name, promotesTo])).toEqual([
    ["dev", "staging"],
    ["staging", "prod"],
    ["prod", undefined],
  ]);
  const { tokens: made } = await platform.client.tokens.listTokens({ orgId });
  const declared = made.filter(({ keyPrefix, name }) => keyPrefix.startsWith("chosen_") && name !== "first admin");
  expect(declared.map(({ name, keyType, environments }) => [name, keyType, environments])).toEqual([
    ["gateway-1", "runtime", []],
    ["pipeline", "ci", ["dev", "staging"]],
    ["on-call", "admin", []],
  ]);
  const { webhooks } = await platform.client.webhooks.listWebhooks({ orgId });
  expect(webhooks).toMatchObject([{ events: ["bundle.*", "token.expiring"], hasSecret: true, isActive: true }]);
  expect(webhooks[0]?.secretFingerprint).toBe(sha256(SECRET).slice(0, 16));
  using acme = clientOf(url, tokens.acme);
  const who = await acme.client.tokens.whoAmI({});
  expect(who).toMatchObject({ keyType: "admin", keyPrefix: `chosen_${sha256(KEY).slice(0, 8)}` });
  expect((await acme.client.organizations.listProjects({ orgId: who.orgId })).projects).toMatchObject([
    { name: "Assistant", environments: [{ name: "dev" }, { name: "staging" }, { name: "prod" }] },
  ]);
  // No runtime token whose key nobody has.
  expect((await acme.client.tokens.listTokens({ orgId: who.orgId })).tokens).toHaveLength(1);
  return { orgId, acmeId: who.orgId };
}

describe("signet apply", () => {
  it("shows, changes, and has nothing to do the second time", async () => {
    await using server = await startTestServer(SETTINGS);
    const file = written(EXAMPLE);
    const dry = await apply(server.url, ["-f", file, "--dry-run"]);
    expect(dry).toMatchObject({ exitCode: 0, err: "" });
    expect(dry.out).toContain('+ create organization  Acme  with the admin token "acme admin"');
    expect(dry.out).not.toContain(SECRET);
    expect(await apply(server.url, ["-f", file, "--dry-run"])).toEqual(dry);

    const applied = await apply(server.url, ["-f", file, "--yes", "--json"]);
    expect(applied).toMatchObject({ exitCode: 0, err: "" });
    const { changes, applied: count } = JSON.parse(applied.out) as { changes: unknown[]; applied: number };
    expect(count).toBe(changes.length);
    const { acmeId } = await expectExample(server.url, { platform: ADMIN_TOKEN, acme: KEY });
    expect(await apply(server.url, ["-f", file, "--yes"])).toEqual({
      exitCode: 0,
      out: "nothing to change\n",
      err: "",
    });

    using acme = clientOf(server.url, KEY);
    const { events } = await acme.client.audit.listAuditEvents({ orgId: acmeId });
    expect(events.map(({ action, actor }) => [action, actor.slice(0, 7)])).toEqual([
      ["project.created", "chosen_"],
      ["organization.created", "chosen_"],
    ]);
  });

  it("rotates, changes and, only with --prune, takes away; never the token that it uses", async () => {
    await using server = await startTestServer(SETTINGS);
    const declared = (tokens: object[], projects: object[]) =>
      written(JSON.stringify({ signet: 1, organizations: [{ name: "default", tokens, projects }] }), "state.json");
    const key = (name: string, text: string) => ({ name, type: "admin", sha256: sha256(text) });
    const extra = { name: "extra", environments: [{ name: "one" }, { name: "two" }] };
    await apply(server.url, [
      "-f",
      declared([key("a", "first"), key("b", "second")], [{ name: "default" }, extra]),
      "--yes",
    ]);

    const smaller = declared([key("a", "third")], [{ name: "default", environments: [{ name: "dev" }] }]);
    const kept = await apply(server.url, ["-f", smaller, "--yes"]);
    expect(kept.out).toBe('~ rotate token  default  admin "a"\n1 changes, 0 of them removals; 1 made\n');
    const refused = await apply(server.url, ["-f", smaller, "--yes", "--prune"]);
    expect([refused.exitCode, refused.out]).toEqual([5, ""]);
    expect(refused.err).toContain("default/default/prod: is protected and not declared");
    const lifted = [{ name: "default", environments: [{ name: "dev" }, { name: "prod", protected: false }] }];
    const unprotected = await apply(server.url, ["-f", declared([key("a", "third")], lifted), "--yes"]);
    expect(unprotected.out).toContain("~ update environment  default/default/prod  protected: false\n");
    declared([key("a", "third")], [{ name: "default", environments: [{ name: "dev" }] }]);
    const pruned = await apply(server.url, ["-f", smaller, "--yes", "--prune"]);
    expect(pruned.out.split("\n").filter((line) => line.startsWith("- "))).toEqual([
      expect.stringMatching(/^- revoke token {2}default {2}chosen_/),
      "- delete project  default/extra  with its environments, bundles and tokens",
      "- delete environment  default/default/staging  with its bundles and tokens",
      "- delete environment  default/default/prod  with its bundles and tokens",
    ]);
    for (const [text, works] of [
      ["first", false],
      ["second", false],
      ["third", true],
    ] as const) {
      using person = clientOf(server.url, text);
      const answer = person.client.tokens.whoAmI({}).then(
        () => true,
        () => false,
      );
      expect([text, await answer]).toEqual([text, works]);
    }
    expect((await apply(server.url, ["-f", smaller, "--dry-run", "--prune"])).out).toBe("nothing to change\n");
  });

  it("asks on a terminal, and does nothing without a yes", async () => {
    await using server = await startTestServer();
    const file = written("signet: 1\norganizations: [{ name: renamed, operator: true }]\n");
    const name = async () => (await server.admin.organizations.getOrganization({ orgId: server.orgId })).name;
    const nobody = await apply(server.url, ["-f", file]);
    expect(nobody).toMatchObject({ exitCode: 2, out: "" });
    expect(nobody.err).toContain("pass --yes to confirm, or --dry-run");
    const declined = await apply(server.url, ["-f", file], { stdin: "n\n" });
    expect(declined).toMatchObject({ exitCode: 2, out: "~ update organization  renamed  name: renamed\n" });
    expect(await name()).toBe("default");
    const agreed = await apply(server.url, ["-f", file], { stdin: "yes\n" });
    expect(agreed).toMatchObject({ exitCode: 0, err: "Apply? [y/N] " });
    expect(await name()).toBe("renamed");
  });

  it.each<[what: string, text: string, exitCode: number, part: string]>([
    ["a misspelled field", "signet: 1\norganizations: [{ nmae: x }]", 6, "organizations.0.nmae: is not known here"],
    ["two equal keys", '{"signet":1,"signet":1,"organizations":[]}', 6, "duplicate"],
    ["a tenant without admin", "signet: 1\norganizations: [{ name: new }]", 5, "needs an admin token"],
    [
      "a tenant that nobody here can enter",
      `signet: 1\norganizations: [{ name: new, projects: [{ name: p }], tokens: [{ name: a, type: admin, sha256: ${sha256("x")} }] }]`,
      5,
      "`token` must be the key of its first admin token",
    ],
  ])("refuses %s, and changes nothing", async (_what, text, exitCode, part) => {
    await using server = await startTestServer();
    const before = await server.admin.audit.getAuditHead({ orgId: server.orgId });
    const refused = await apply(server.url, ["-f", written(text, text.startsWith("{") ? "a.json" : "a.yaml"), "--yes"]);
    expect(refused.err).toContain(part);
    expect(refused.exitCode).toBe(exitCode);
    expect((await server.admin.audit.getAuditHead({ orgId: server.orgId })).number).toBe(before.number);
  });

  it("goes on from where it failed", async () => {
    await using server = await startTestServer();
    const taken = sha256("taken");
    const organization = (hash: string) =>
      JSON.stringify({
        signet: 1,
        organizations: [
          { name: "default", projects: [{ name: "p" }], tokens: [{ name: "t", type: "admin", sha256: hash }] },
        ],
      });
    const { orgId } = server;
    const { id: keyId } = await server.admin.tokens.createAdminToken({ orgId, name: "other", sha256: taken });
    await server.admin.tokens.revokeToken({ orgId, keyId });
    const failed = await apply(server.url, ["-f", written(organization(taken), "a.json"), "--yes"]);
    expect(failed.exitCode).toBe(5);
    expect(failed.err).toContain('1 of 2 changes made; failed: + create token  default  admin "t"');
    const again = await apply(server.url, ["-f", written(organization(sha256("free")), "a.json"), "--yes"]);
    expect(again.out).toBe('+ create token  default  admin "t"\n1 changes, 0 of them removals; 1 made\n');
  });
});

describe("SIGNET_PROVISION", () => {
  it("is applied by the server itself before it answers, in every organization, and again at each start", async () => {
    const file = written(EXAMPLE);
    const data = join(folder, "data");
    // The key of Acme is not needed here.
    const environment = {
      SIGNET_HOOK_SECRET: SECRET,
      SIGNET_WEBHOOK_ALLOW: "127.0.0.0/8",
      SIGNET_ADMIN_TOKEN: ADMIN_TOKEN,
      SIGNET_PROVISION: file,
      SIGNET_LOG_LEVEL: "silent",
    };
    const withServer = async (check: (url: string) => Promise<void>) => {
      const stop = new AbortController();
      let url: string | undefined;
      let heard: () => void = () => undefined;
      const listening = new Promise<void>((resolve) => (heard = resolve));
      const ended = runSignet(["serve", "--port", "0", "--data", data], {
        environment,
        signal: stop.signal,
        onOut: (text) => {
          url = /listening on (\S+)/.exec(text)?.[1];
          heard();
        },
      });
      await Promise.race([listening, ended]);
      if (url === undefined) throw new Error((await ended).err);
      await check(url);
      stop.abort(143);
      expect((await ended).exitCode).toBe(0);
    };
    let events = 0;
    await withServer(async (url) => {
      const { orgId } = await expectExample(url, { platform: ADMIN_TOKEN, acme: KEY });
      using admin = clientOf(url, ADMIN_TOKEN);
      const listed = await admin.client.audit.listAuditEvents({ orgId });
      events = listed.events.length;
      expect(new Set(listed.events.map(({ actor }) => actor))).toEqual(new Set(["operator", "system"]));
      expect(await admin.client.audit.verifyAudit({ orgId })).toMatchObject({ valid: true });
    });
    await withServer(async (url) => {
      const { orgId } = await expectExample(url, { platform: ADMIN_TOKEN, acme: KEY });
      using admin = clientOf(url, ADMIN_TOKEN);
      expect((await admin.client.audit.listAuditEvents({ orgId })).events).toHaveLength(events);
    });
  });

  it("keeps a server with an unusable file from starting", async () => {
    const environment = { SIGNET_PROVISION: written("signet: 1\norganizations: [{ name: x, operator: 3 }]") };
    const { exitCode, err } = await runSignet(["serve", "--port", "0", "--data", join(folder, "data")], {
      environment,
    });
    expect(err).toContain("organizations.0.operator: must be true or false");
    expect(exitCode).toBe(6);
  });
});
