import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, it } from "vitest";
import { onlineKeyIn, Site } from "../../../bench/runtimes/site.js";
import { ADMIN_TOKEN, startTestServer } from "../../support/server.js";

const root = join(import.meta.dirname, "../../..");

it("examples/runtime.ts answers by what is proven, and ends when it is told to", async () => {
  const directory = await mkdtemp(join(tmpdir(), "signet-example-"));
  await using signet = await startTestServer();
  const { orgId, projectId } = signet;
  using site = new Site(
    signet,
    { token: ADMIN_TOKEN, start: () => Promise.reject(new Error("not used")) },
    { orgId, projectId },
  );
  await writeFile(join(directory, "root.json"), await site.publishRoot(1, [await onlineKeyIn(signet.directory)]));
  await writeFile(join(directory, "token"), `${await site.runtimeToken()}\n`);
  await site.publish();
  const guard = spawn(process.execPath, [join(root, "dist/examples/runtime.js")], {
    env: {
      ...{ SIGNET_URL: signet.url, SIGNET_ORG_ID: orgId, SIGNET_PROJECT_ID: projectId, SIGNET_ENVIRONMENT: "dev" },
      SIGNET_TOKEN_FILE: join(directory, "token"),
      SIGNET_ROOT_FILE: join(directory, "root.json"),
      SIGNET_CACHE: join(directory, "cache"),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  try {
    const told = createInterface(guard.stderr)[Symbol.asyncIterator]();
    expect((await told.next()).value).toBe("fresh");
    expect((await told.next()).value).toBe("version 1 by the server");
    const [url] = (await once(createInterface(guard.stdout), "line")) as [string];
    const answer = await fetch(url);
    expect([answer.status, await answer.json()]).toMatchObject([
      200,
      { state: "fresh", version: 1, policies: { number: 1 } },
    ]);
    await site.publish();
    expect((await told.next()).value).toBe("version 2 by the server");
    guard.kill("SIGTERM");
    expect(await once(guard, "exit")).toEqual([0, null]);
  } finally {
    guard.kill("SIGKILL");
    await rm(directory, { recursive: true, force: true });
  }
});
