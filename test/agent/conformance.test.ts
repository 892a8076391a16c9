import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runAgentClient } from "../../conformance/agent-client.js";
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

const inProcess: RunClient = async (args, now) => {
  const end = await runAgentClient(args, now);
  return { exitCode: end.error === null ? 0 : 1, stdout: JSON.stringify(end), stderr: "" };
};

// As processes: npm run conformance -- agent.
describe.each([...readPacks()])("the source of an agent against the vectors of %s", (_file, cases) => {
  it.each(cases.map((one) => [one.name, one] as const))("%s", async (_name, one) => {
    expect(await driveCase(one, url, inProcess)).toEqual([]);
  });
});
