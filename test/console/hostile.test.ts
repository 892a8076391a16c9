import Database from "better-sqlite3";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { useBrowser } from "./browser/browser.js";
import { inspectHostile } from "./browser/hostile-text.js";
import { loaded, signedIn } from "./browser/sign-in.js";
import { seedHostile } from "./site/hostile.js";
import { PATHS, ROUTES, type ScreenSite } from "./site/screens.js";
import { startTestServer, ADMIN_TOKEN, type TestServer } from "../support/server.js";
import { startAnsweringReceiver, type AnsweringReceiver } from "./site/answering-receiver.js";

const browser = useBrowser();
let server: TestServer;
let receiver: AnsweringReceiver;
let site: ScreenSite;
let page: Page;
beforeAll(async () => {
  receiver = await startAnsweringReceiver();
  server = await startTestServer({ SIGNET_WEBHOOK_ALLOW: "127.0.0.0/8", SIGNET_WEBHOOK_RETRY_SECONDS: "0" });
  const { place, pipelineId, webhookId } = await seedHostile(server, receiver);
  site = { payments: place, guardrails: place, pipelineId, webhookIds: ["", webhookId] };
  const { admin, orgId } = server;
  await vi.waitFor(async () => {
    const { data } = await admin.webhooks.listWebhookDeliveries({ orgId, webhookId });
    expect(data.some(({ lastStatus }) => lastStatus === 500)).toBe(true);
  }, 30_000);
  // The server keeps answers of public addresses alone.
  const database = new Database(join(server.directory, "signet.db"));
  database.prepare("update deliveries set last_body = ? where last_status = 500").run(receiver.body);
  database.close();
  const session = await signedIn(browser, server.url, ADMIN_TOKEN);
  const window = await browser.open(server.url, { ...session, isShared: true });
  page = await window.context.newPage();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
});

const seen = new Set<number>();

// That no script runs, the browser's watch says: a dialog, a violation of the policy or a request fails the test.
describe.each(ROUTES)("texts of others on the screen '%s'", (route) => {
  it("are texts: no markup of them appears, and none moves what stands beside it", async () => {
    await page.goto(`${server.url}/console/${PATHS[route]?.(site)}`);
    await loaded(page);
    // What is folded is looked into as well.
    await page.evaluate(`document.querySelectorAll("details").forEach((each) => (each.open = true))`);
    await loaded(page);
    const { shown, wrong } = await inspectHostile(page);
    for (const number of shown) seen.add(number);
    expect(wrong).toEqual([]);
  });
});

describe("the hostile texts", () => {
  it("were seen", () => {
    console.info(`console: ${seen.size} hostile texts shown on ${ROUTES.length} screens`);
    expect(seen.size).toBeGreaterThan(30);
  });
});
