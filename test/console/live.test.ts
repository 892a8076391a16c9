import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { useBrowser } from "./browser/browser.js";
import { loaded, signedIn } from "./browser/sign-in.js";

/** How often the console is opened with an empty cache; the median is printed. */
const OPENINGS = 5;

const LANES = "/console/orgs/default/projects/default";

const browser = useBrowser();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await publish("The first");
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

async function publish(title: string): Promise<void> {
  const { admin, orgId, projectId } = server;
  await admin.bundles.publishBundle({ orgId, projectId, envName: "dev", policies: JSON.stringify({ title }), title });
}

// Marks when the first lane shows the version that is active in it, and when all of the lane is there.
const MARKS = `new MutationObserver((_, observer) => {
  if (document.querySelector(".lane-version") && performance.getEntriesByName("lane").length === 0) performance.mark("lane");
  if (document.querySelector(".lane-title")) { performance.mark("lane-title"); observer.disconnect(); }
}).observe(document, { childList: true, subtree: true });`;

const READ = `["lane", "lane-title"].map((name) => performance.getEntriesByName(name)[0].startTime)`;

describe("the lanes", () => {
  it(`are opened ${OPENINGS} times with an empty cache`, async () => {
    const session = await signedIn(browser, server.url, ADMIN_TOKEN);
    const times: [lane: number, title: number][] = [];
    for (let n = 0; n < OPENINGS; n += 1) {
      // A context of its own has a cache of its own.
      const window = await browser.open(server.url, session);
      await window.context.addInitScript(MARKS);
      const page = await window.tab(LANES);
      await page.locator(".lane-title").first().waitFor();
      times.push(await page.evaluate<[number, number]>(READ));
      await window.context.close();
    }
    const [lane, title] = [0, 1].map((index) => Math.round(median(times.map((each) => each[index] ?? 0))));
    console.info(`console: first lane ${lane} ms after the page was asked for, complete after ${title} ms (medians)`);
    expect(times).toHaveLength(OPENINGS);
  });

  it("show what somebody else activated without a reload, and say so", async () => {
    const session = await signedIn(browser, server.url, ADMIN_TOKEN);
    const window = await browser.open(server.url, session);
    const page = await window.tab(LANES);
    await loaded(page);
    await page.locator(".live-live").waitFor();
    await page.getByText("The first").first().waitFor();
    await page.evaluate(`globalThis.isSameDocument = true`);
    const { admin, orgId, projectId } = server;
    await publish("By somebody else");
    await page.locator(".lane-title").getByText("By somebody else").waitFor();
    await page.getByRole("status").getByText("dev is now at version 2: published.").waitFor({ state: "attached" });
    await admin.bundles.promoteBundle({ orgId, projectId, sourceEnv: "dev", reason: "green" });
    await page
      .getByRole("status")
      .getByText("staging is now at version 1: promoted from dev v2.")
      .waitFor({ state: "attached" });
    await page.getByRole("article", { name: "staging" }).getByText("By somebody else").first().waitFor();
    expect(await page.evaluate("globalThis.isSameDocument")).toBe(true);
  });
});

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
