import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { DRIVERS } from "./drivers/all.js";
import { hasCurl } from "./drivers/curl.js";
import { EXPECTED_LIFE, symbolic } from "./life-expected.js";
import { liveThrough } from "./life.js";
import { createTestProject } from "./project.js";
import { expectRefused } from "./watching.js";

/** The stock document where it stands beside the project, and always the example. */
const DOCUMENTS = ["../shared/policies/guardrails-default.json", "examples/policies/guardrails.json"].filter((file) =>
  existsSync(file),
);

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

describe.each(DOCUMENTS)("the whole life of %s", (file) => {
  const policies = readFileSync(file, "utf8");

  it.each(DRIVERS)("is the same over $name", async (kind) => {
    const project = await createTestProject(server, `${kind.name} ${file}`.replace(/[^a-z0-9]+/gi, "-"));
    const open = (token: string) => kind.open(server.url, token);
    await using admin = open(ADMIN_TOKEN);
    await using dev = open(project.runtimeToken.dev);
    await using prod = open(project.runtimeToken.prod);

    const { transcript, refuseDeletion } = await liveThrough({ admin, dev, prod }, project, policies);
    expect(symbolic(transcript, project.projectId)).toEqual(EXPECTED_LIFE);

    await expectRefused(kind, admin, refuseDeletion(), "conflict");
    // The refused deletion took nothing away.
    expect(await admin.list(project.place.prod)).toEqual(transcript.afterDeletion);
    await expectRefused(kind, admin, admin.get(project.place.prod, 2), "not_found");
    await expectRefused(kind, dev, dev.get(project.place.prod, 1), "not_found");
    await expectRefused(kind, prod, prod.activate(project.place.prod, 1), "forbidden");
    await expectRefused(kind, admin, admin.promote(project.place.prod), "no_target");
    await expectRefused(kind, admin, admin.latest(), "forbidden");
    const stranger = open("signet_adm_00000000_0000000000000000000000000000000000000000000000000");
    await expectRefused(kind, stranger, stranger.whoami(), "unauthenticated");
    await stranger[Symbol.asyncDispose]();
  });
});

it("ran with a real curl", ({ skip }) => {
  skip(!hasCurl, "there is no curl here");
  expect(DRIVERS.map(({ name }) => name)).toContain("curl");
});

it.each(DRIVERS)("a number that JavaScript cannot hold is refused over $name, and nothing is kept", async (kind) => {
  const project = await createTestProject(server, `numbers ${kind.name}`.replace(/[^a-z0-9]+/gi, "-"));
  await using admin = kind.open(server.url, ADMIN_TOKEN);
  const publication = { policies: '{"limit":9007199254740993}' };
  const failure = await expectRefused(kind, admin, admin.publish(project.place.dev, publication), "invalid");
  expect(failure.message).toContain("limit");
  expect(await admin.list(project.place.dev)).toEqual([]);
});
