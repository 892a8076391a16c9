import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ADMIN_TOKEN } from "../support/server.js";
import { useBrowser } from "./browser/browser.js";
import { loaded, signIn } from "./browser/sign-in.js";
import { startRestartable, type RestartableServer } from "./site/history.js";

let server: RestartableServer;
beforeEach(async () => {
  server = await startRestartable();
  await publish("Before");
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});
// Behind the server's hook, so that its own runs first: a page that outlives the server reports what it cannot reach.
const browser = useBrowser();

async function publish(title: string): Promise<void> {
  const { admin, orgId, projectId } = server;
  await admin.bundles.publishBundle({ orgId, projectId, envName: "dev", policies: JSON.stringify({ title }), title });
}

describe("a session", () => {
  it("ends with its token: the page stays, asks to sign in, and goes on from there", async () => {
    const { admin, orgId } = server;
    const token = await admin.tokens.createAdminToken({ orgId, name: "soon revoked" });
    const window = await browser.open(server.url, { expected: [/ 401 /] });
    const page = await window.tab("/console/orgs/default/projects/default");
    await signIn(page, token.rawKey ?? "");
    await page.locator(".live-live").waitFor();
    await page.getByText("Before").first().waitFor();
    const url = page.url();
    const start = performance.now();
    await admin.tokens.revokeToken({ orgId, keyId: token.id });
    await page.getByLabel("Token", { exact: true }).waitFor();
    console.info(`console: signed out ${Math.round(performance.now() - start)} ms after the token was revoked`);
    expect(page.url()).toBe(url);
    expect(await page.getByText("Before").count(), "what was on the page").toBeGreaterThan(0);
    await signIn(page, ADMIN_TOKEN);
    expect(page.url()).toBe(url);
    await page.locator(".live-live").waitFor();
  });

  it("outlives a restart of the server, after which the page is live again by itself", async () => {
    // While nobody listens.
    const window = await browser.open(server.url, {
      expected: [/ERR_CONNECTION_(REFUSED|RESET)|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY/],
    });
    const page = await window.tab("/console/orgs/default/projects/default");
    await signIn(page, ADMIN_TOKEN);
    await page.locator(".live-live").waitFor();
    await server.stop();
    await page.locator(".live-reconnecting").waitFor();
    await server.start();
    await page.locator(".live-live").waitFor();
    await publish("After the restart");
    await page.getByText("After the restart").first().waitFor();
    await page.reload();
    await loaded(page);
  });
});
