import { afterEach, beforeEach, describe, it } from "vitest";
import { ADMIN_TOKEN } from "../support/server.js";
import { useBrowser } from "./browser/browser.js";
import { loaded, signIn } from "./browser/sign-in.js";
import { startRestartable, type RestartableServer } from "./site/history.js";

const browser = useBrowser();
let server: RestartableServer;
beforeEach(async () => {
  server = await startRestartable();
  await publish("Before");
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

async function publish(title: string): Promise<void> {
  const { admin, orgId, projectId } = server;
  await admin.bundles.publishBundle({ orgId, projectId, envName: "dev", policies: JSON.stringify({ title }), title });
}

describe("a session", () => {
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
