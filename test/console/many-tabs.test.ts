import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBrowser } from "./browser/browser.js";
import { loaded, signedIn, signIn, type SignedIn } from "./browser/sign-in.js";
import { startSite, type Site } from "./site/site.js";

const browser = useBrowser();
let site: Site;
let session: SignedIn;
let lanes = "";
beforeAll(async () => {
  site = await startSite();
  session = await signedIn(browser, site.url, site.adminToken);
  lanes = `/console/orgs/${site.payments.org}/projects/${site.payments.project}`;
});
afterAll(async () => {
  await site[Symbol.asyncDispose]();
});

/** The streams that the server has open. */
async function openStreams(): Promise<number> {
  const answer = await fetch(`${site.url}/metrics`, { headers: { "X-API-Key": site.adminToken } });
  const figures = [...(await answer.text()).matchAll(/^signet_streams_open\{[^}]*\} (\d+)$/gm)];
  return figures.reduce((sum, [, figure]) => sum + Number(figure), 0);
}

async function publish(title: string): Promise<void> {
  const { orgId, projectId } = site.payments;
  await site.admin.bundles.publishBundle({
    orgId,
    projectId,
    envName: "dev",
    policies: JSON.stringify({ title }),
    title,
  });
}

const shows = async (page: Page, title: string) => await page.getByText(title).first().waitFor();
const isLive = async (page: Page) => await page.locator(".live-live").waitFor();

describe("eight tabs over HTTP/1.1, which has six connections for them", () => {
  it(
    "all load and are live by one stream; when its tab is closed, another takes over",
    { timeout: 300_000 },
    async () => {
      const window = await browser.open(site.url, session);
      const tabs: Page[] = [];
      for (let n = 0; n < 8; n += 1) {
        const page = await window.tab(lanes);
        await loaded(page);
        await isLive(page);
        tabs.push(page);
      }
      expect(await openStreams()).toBe(1);
      await publish("Seen by eight");
      for (const page of tabs) await shows(page, "Seen by eight");
      // The first tab has the stream: the others came later.
      await tabs.shift()?.close();
      await expect.poll(openStreams, { timeout: 30_000 }).toBe(1);
      for (const page of tabs) await isLive(page);
      await publish("Seen by seven");
      for (const page of tabs) await shows(page, "Seen by seven");
      expect(await openStreams()).toBe(1);
      for (const page of tabs.splice(1)) await page.close();
      await publish("Seen by one");
      await shows(tabs[0] as Page, "Seen by one");
      await tabs[0]?.close();
      await expect.poll(openStreams, { timeout: 30_000 }).toBe(0);
    },
  );

  it("sign out together, over the page that each of them shows", async () => {
    const window = await browser.open(site.url);
    const first = await window.tab("/console/");
    await signIn(first, site.adminToken);
    const second = await window.tab(lanes);
    await loaded(second);
    await isLive(second);
    const url = second.url();
    await first.getByRole("button", { name: "Account and preferences" }).click();
    await first.getByText("Sign out").click();
    await second.getByLabel("Token", { exact: true }).waitFor();
    expect(second.url()).toBe(url);
    await signIn(second, site.adminToken);
    expect(second.url()).toBe(url);
    await isLive(second);
  });
});
