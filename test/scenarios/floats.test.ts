import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { DRIVERS, STREAMING } from "./drivers/all.js";
import { createTestProject } from "./project.js";
import { Watching } from "./watching.js";

let server: TestServer;
let projects = 0;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const HANDED_IN = "[1.0,1e2,1E+2,-0.0,0.0,1e16,1e15,0.00001,1e-4,5e-324,0.10,1.50,123456789012345.0,1,-0,4294967296]";
/** As Python prints it. */
const SERVED =
  "[1.0,100.0,100.0,-0.0,0.0,1e+16,1000000000000000.0,1e-05,0.0001,5e-324,0.1,1.5,123456789012345.0,1,0,4294967296]";
const PUBLICATION = { policies: `{"n":${HANDED_IN}}`, scopePolicies: `{"acme:*:*:*":{"n":${HANDED_IN}}}` };
const CONTENT = [`"policies":{"n":${SERVED}}`, `"scope_policies":{"acme:*:*:*":{"n":${SERVED}}}`];

describe.each(DRIVERS)("floats over $name", (kind) => {
  it("stay floats in every document that is served", async () => {
    const project = await createTestProject(server, `floats-${(projects += 1)}`);
    const open = (token: string) => kind.open(server.url, token);
    await using admin = open(ADMIN_TOKEN);
    await using dev = open(project.runtimeToken.dev);
    await using staging = open(project.runtimeToken.staging);
    const published = await admin.publish(project.place.dev, PUBLICATION);
    const promoted = await admin.promote(project.place.dev);
    expect(promoted.policyHash).toBe(published.policyHash);

    const documents = [
      (await dev.latest()).document,
      (await staging.latest()).document,
      await admin.document(project.place.dev, 1),
      await admin.document(project.place.staging, 1),
    ];
    if (STREAMING.includes(kind)) {
      await using watching = new Watching(dev);
      documents.push((await watching.nextChange()).document ?? "");
    }
    for (const document of documents) for (const content of CONTENT) expect(document).toContain(content);

    // The same values, otherwise spelled, are the same content; an integer in place of a float is not.
    const again = await admin.publish(project.place.dev, {
      policies: `{"n":${SERVED}}`,
      scopePolicies: `{"acme:*:*:*":{"n":${SERVED}}}`,
    });
    expect(again.policyHash).toBe(published.policyHash);
    const other = await admin.publish(project.place.dev, {
      ...PUBLICATION,
      policies: `{"n":${SERVED.replace("1.0", "1")}}`,
    });
    expect(other.policyHash).not.toBe(published.policyHash);
  });
});
