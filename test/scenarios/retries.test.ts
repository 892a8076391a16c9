import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { DRIVERS } from "./drivers/all.js";
import { hasCurl } from "./drivers/curl.js";
import { createTestProject, type TestProject } from "./project.js";
import { envPath, expectErrorBody, fingerprint, shellAs, type Shell, type ShellAnswer } from "./shell.js";
import { expectRefused } from "./watching.js";

let server: TestServer;
let admin: Shell;
let projects = 0;
beforeAll(async () => {
  server = await startTestServer();
  admin = shellAs(server);
});
afterAll(() => server[Symbol.asyncDispose]());

const fresh = () => createTestProject(server, `retries-${(projects += 1)}`);
const key = (value: string) => ["-H", `Idempotency-Key: ${value}`];
const match = (value: string) => ["-H", `If-Match: ${value}`];

describe.skipIf(!hasCurl)("Idempotency-Key", () => {
  const requests: [string, (project: TestProject) => [string, ...string[]], (project: TestProject) => string[]][] = [
    [
      "publish",
      (project) => [`${envPath(server, project, "dev")}/bundles/publish`, "-d", '{"policies":{"n":3}}'],
      () => ["-d", '{"policies":{"n":4}}'],
    ],
    ["activate", (project) => [`${envPath(server, project, "dev")}/bundles/1/activate`, "-X", "POST"], () => []],
    [
      "promote",
      (project) => [`${envPath(server, project, "dev")}/promote`, "-X", "POST"],
      () => ["-d", '{"promoted_by":"somebody else"}'],
    ],
  ];

  it.each(requests)("a retry of %s answers the first result, and changes nothing", async (_, request, other) => {
    const project = await fresh();
    await project.publish("dev", 1);
    await project.publish("dev", 2);
    const first = await admin(...request(project), ...key("k1"));
    expect(first.status).toBe(200);
    await project.publish("dev", 5);
    const before = await fingerprint(server, project);
    const again = await admin(...request(project), ...key("k1"));
    expect([again.status, again.json]).toEqual([200, first.json]);
    // The guard is looked at after the key.
    expect((await admin(...request(project), ...key("k1"), ...match('"99"'))).json).toEqual(first.json);
    const [path, ...args] = request(project);
    const changed = other(project);
    if (changed.length > 0) {
      const refused = await admin(
        path,
        ...args.filter((arg) => arg.startsWith("-X") || arg === "POST"),
        ...changed,
        ...key("k1"),
      );
      expectErrorBody(refused, 422);
      expect(refused.json).toMatchObject({ detail: [{ loc: ["header", "idempotency-key"] }] });
    }
    expect(await fingerprint(server, project)).toEqual(before);
    // Another key is another request.
    const next = await admin(...request(project), ...key("k2"));
    expect((next.json as { deployment_id: string }).deployment_id).not.toBe(
      (first.json as { deployment_id: string }).deployment_id,
    );
  });

  it("belongs to a token: another one's same key is another request, and a stopped one's answers 401", async () => {
    const project = await fresh();
    const { rawKey, id } = await server.admin.tokens.createCiToken(project.place.dev);
    const ci = shellAs(server, rawKey);
    const request = [
      `${envPath(server, project, "dev")}/bundles/publish`,
      "-d",
      '{"policies":{}}',
      ...key("same"),
    ] as const;
    expect((await admin(...request)).json).toMatchObject({ version: 1 });
    expect((await ci(...request)).json).toMatchObject({ version: 2 });
    await server.admin.tokens.revokeToken({ orgId: server.orgId, keyId: id });
    const before = await fingerprint(server, project);
    expectErrorBody(await ci(...request), 401);
    expect(await fingerprint(server, project)).toEqual(before);
  });

  it("a refused request does not use it up", async () => {
    const project = await fresh();
    const path = `${envPath(server, project, "dev")}/bundles/publish`;
    expectErrorBody(await admin(path, "-d", '{"policies":1}', ...key("k")), 422);
    expectErrorBody(await admin(path, "-d", '{"policies":{}}', ...key("k"), ...match('"7"')), 412);
    expect((await admin(path, "-d", '{"policies":{}}', ...key("k"))).json).toMatchObject({ version: 1 });
  });

  it("while the first is in flight: 409 with Retry-After, or the first's answer; never a second bundle", async () => {
    const project = await fresh();
    const policies = Object.fromEntries(
      Array.from({ length: 40_000 }, (_, n) => [`key-${n}`, { n, text: "x".repeat(20) }]),
    );
    const body = JSON.stringify({ policies });
    const publish = async (): Promise<ShellAnswer> => {
      const answer = await fetch(`${server.url}${envPath(server, project, "dev")}/bundles/publish`, {
        method: "POST",
        headers: { "X-API-Key": ADMIN_TOKEN, "Idempotency-Key": "big", "Content-Type": "application/json" },
        body,
      });
      const text = await answer.text();
      return { status: answer.status, headers: answer.headers, text, json: JSON.parse(text) as unknown };
    };
    const answers = await Promise.all(Array.from({ length: 4 }, publish));
    for (const answer of answers.filter(({ status }) => status !== 200)) {
      expectErrorBody(answer, 409);
      expect(answer.json).toMatchObject({ detail: { error: "idempotency_key_in_flight" } });
      expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
    }
    const done = answers.filter(({ status }) => status === 200);
    expect(done.length).toBeGreaterThan(0);
    expect(new Set(done.map(({ text }) => text)).size).toBe(1);
    expect((await publish()).json).toEqual(done[0]?.json);
    expect(await fingerprint(server, project)).toMatchObject({ bundles: [{ version: 1 }] });
  });
});

describe.each(DRIVERS)("over $name", (kind) => {
  it("If-Match guards what changes, on promotion the target; 0 is nothing active", async () => {
    const project = await fresh();
    await using driver = kind.open(server.url, ADMIN_TOKEN);
    const { dev } = project.place;
    const publication = { policies: "{}" };
    const guard = (sequence: number) => ({ "If-Match": `"${sequence}"` });
    await expectRefused(kind, driver, driver.publish(dev, publication, guard(1)), "precondition_failed");
    expect(await driver.publish(dev, publication, guard(0))).toMatchObject({ version: 1, sequence: 1 });
    const before = await fingerprint(server, project);
    await expectRefused(kind, driver, driver.publish(dev, publication, guard(0)), "precondition_failed");
    await expectRefused(kind, driver, driver.activate(dev, 1, guard(2)), "precondition_failed");
    await expectRefused(kind, driver, driver.promote(dev, "x", guard(1)), "precondition_failed");
    expect(await fingerprint(server, project)).toEqual(before);
    expect(await driver.promote(dev, "x", guard(0))).toMatchObject({ version: 1, sequence: 1 });
    expect(await driver.activate(dev, 1, guard(1))).toMatchObject({ sequence: 2 });
  });

  it("a retry with the same Idempotency-Key is answered from the first", async () => {
    const project = await fresh();
    await using driver = kind.open(server.url, ADMIN_TOKEN);
    const headers = { "Idempotency-Key": project.projectId };
    const first = await driver.publish(project.place.dev, { policies: '{"a":1}' }, headers);
    expect(await driver.publish(project.place.dev, { policies: '{"a":1}' }, headers)).toEqual(first);
    const other = driver.publish(project.place.dev, { policies: '{"a":2}' }, headers);
    const failure = await expectRefused(kind, driver, other, "invalid");
    expect(failure.message).toMatch(/used for another request/);
    expect(await driver.list(project.place.dev)).toHaveLength(1);
  });
});
