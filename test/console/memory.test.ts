import type { CDPSession, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { useBrowser } from "./browser/browser.js";
import { loaded, signIn } from "./browser/sign-in.js";

/** An hour of pushes at one a second. */
const PUSHES = 3_600;
/** What a tab may keep of them: less than 600 bytes of each. */
const MAX_GROWTH_BYTES = 2 * 1024 * 1024;

const browser = useBrowser();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe("a tab that is open for an hour", () => {
  it(`keeps nothing of ${PUSHES} pushes`, async () => {
    const { admin, orgId, projectId } = server;
    const at = { orgId, projectId, envName: "dev" };
    for (const n of [1, 2])
      await admin.bundles.publishBundle({ ...at, policies: JSON.stringify({ n }), title: `Title ${n}` });
    const window = await browser.open(server.url);
    const page = await window.tab("/console/");
    await signIn(page, ADMIN_TOKEN);
    await page.goto(`${server.url}/console/orgs/default/projects/default`);
    await loaded(page);
    await page.locator(".live-live").waitFor();
    const session = await window.context.newCDPSession(page);
    let sequence = 2;
    const push = async (count: number) => {
      for (let n = 0; n < count; n += 1)
        await admin.bundles.activateBundle({ ...at, version: (sequence += 1) % 2 === 0 ? 2 : 1 });
      await showsSequence(page, sequence);
    };
    await push(200);
    const before = await heapBytes(session);
    await push(PUSHES);
    const after = await heapBytes(session);
    const inMib = (bytes: number) => (bytes / 1024 / 1024).toFixed(1);
    console.info(`console: heap of a tab ${inMib(before)} MiB, after ${PUSHES} pushes ${inMib(after)} MiB`);
    expect(after - before).toBeLessThan(MAX_GROWTH_BYTES);
  }, 300_000);
});

/** The lane has got the push with this sequence. */
async function showsSequence(page: Page, sequence: number): Promise<void> {
  await page
    .getByText(new RegExp(`\\b${sequence}\\b`))
    .first()
    .waitFor({ timeout: 60_000 });
}

/** What is left of the heap after a collection. */
async function heapBytes(session: CDPSession): Promise<number> {
  await session.send("HeapProfiler.enable");
  for (let n = 0; n < 3; n += 1) await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  return usedSize;
}
