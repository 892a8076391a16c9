import type { CDPSession } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { useBrowser } from "./browser/browser.js";
import { loaded, signIn } from "./browser/sign-in.js";

/** Ten minutes of pushes at one a second; SIGNET_TEST_PUSHES=3600 makes an hour of them. */
const PUSHES = Number(process.env["SIGNET_TEST_PUSHES"] ?? 600);

/** Before the first figure, so that what is made once is made. */
const WARM_UP = 100;

/** What a tab may keep of them, whatever their number. */
const MAX_GROWTH_BYTES = 2 * 1024 * 1024;

const browser = useBrowser();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe("a tab that stays open", () => {
  it(`keeps nothing of ${PUSHES} pushes`, { timeout: 600_000 }, async () => {
    const { admin, orgId, projectId } = server;
    const at = { orgId, projectId, envName: "dev" };
    for (const n of [1, 2]) {
      await admin.bundles.publishBundle({ ...at, policies: JSON.stringify({ n }), title: `Title ${n}` });
    }
    const window = await browser.open(server.url);
    const page = await window.tab("/console/orgs/default/projects/default");
    await signIn(page, ADMIN_TOKEN);
    await loaded(page);
    await page.locator(".live-live").waitFor();
    let sequence = 2;
    const push = async (count: number) => {
      for (let n = 0; n < count; n += 1) {
        sequence += 1;
        await admin.bundles.activateBundle({ ...at, version: sequence % 2 === 0 ? 2 : 1 });
      }
      await page.getByText(`seq ${sequence}`, { exact: true }).waitFor({ timeout: 60_000 });
    };
    const session = await window.context.newCDPSession(page);
    await push(WARM_UP);
    const before = await heapBytes(session);
    await push(PUSHES);
    const after = await heapBytes(session);
    const inMib = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
    console.info(`console: heap of a tab ${inMib(before)}, after ${PUSHES} pushes ${inMib(after)}`);
    expect(after - before).toBeLessThan(MAX_GROWTH_BYTES);
  });
});

/** What is left of the heap after a collection. */
async function heapBytes(session: CDPSession): Promise<number> {
  await session.send("HeapProfiler.enable");
  for (let n = 0; n < 3; n += 1) await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.send("HeapProfiler.disable");
  return usedSize;
}
