import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runClient } from "../../src/sdk/conformance/node-client.js";
import { driveCase, type RunClient } from "../vectors/drive.js";
import { readPacks } from "../vectors/packs.js";
import { createVectorServer } from "../vectors/vector-server.js";

const server = createVectorServer();
let url = "";

beforeAll(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.close();
  server.closeAllConnections();
});

/** Without a process of its own: what one keeps is on its disk. */
const inProcess: RunClient = async (args, now) => {
  const end = await runClient(args, { SIGNET_NOW: now });
  return { exitCode: end.error === null ? 0 : 1, stdout: JSON.stringify(end), stderr: "" };
};

// As a command of the packed SDK: npm run conformance -- runtime, and some of it in test/packaging/sdk.
describe.each([...readPacks()])("a runtime of the SDK against the vectors of %s", (_file, cases) => {
  it.each(cases.map((one) => [one.name, one] as const))("%s", async (_name, one) => {
    expect(await driveCase(one, url, inProcess)).toEqual([]);
  });
});

it.each<[args: readonly string[]]>([
  [[]],
  [["--state", "x"]],
  [["--state", "x", "init", "root.json"]],
  [["--state", "x", "update"]],
  [["--url", "http://127.0.0.1:1", "update"]],
  [["--state", "x", "--url", "http://127.0.0.1:1", "update", "twice"]],
])("says its usage for %j", async (args) => {
  await expect(runClient(args, {})).rejects.toThrow("usage: signet-runtime-conformance --state");
});

it("goes by no clock that is none", async () => {
  const args = ["--state", "x", "--url", "http://127.0.0.1:1", "update"];
  await expect(runClient(args, { SIGNET_NOW: "noon" })).rejects.toThrow("SIGNET_NOW must be a time, not noon");
});
