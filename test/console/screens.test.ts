import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { axeViolations } from "./browser/axe.js";
import { useBrowser } from "./browser/browser.js";
import { loaded, signedIn, type SignedIn } from "./browser/sign-in.js";
import { PATHS, ROUTES } from "./site/screens.js";
import { startSite, type Site } from "./site/site.js";

const browser = useBrowser();
let site: Site;
let session: SignedIn;
beforeAll(async () => {
  site = await startSite();
  session = await signedIn(browser, site.url, site.adminToken);
});
afterAll(async () => {
  await site[Symbol.asyncDispose]();
});

describe("the table of screens", () => {
  it("has every route of the console", () => {
    expect(ROUTES).toContain("");
    expect(Object.keys(PATHS).toSorted()).toEqual(ROUTES.toSorted());
  });
});

describe.each(ROUTES.filter((route) => route !== ""))("the screen %s", (route) => {
  it("has no violation in light, dark and at 320 px, one heading, and goes back", async () => {
    const window = await browser.open(site.url, session);
    const page = await window.tab("/console/keys");
    await loaded(page);
    await page.goto(`${site.url}/console/${PATHS[route]?.(site)}`);
    await loaded(page);
    await expectStructure(page);
    await expectNoViolations(page, "light");
    await page.emulateMedia({ colorScheme: "dark" });
    await expectNoViolations(page, "dark");
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 320, height: 640 });
    await expectNoViolations(page, "320 px");
    expect(await page.evaluate(`document.documentElement.scrollWidth`), "width at 320 px").toBeLessThanOrEqual(320);
    const url = page.url();
    await page.goBack();
    await loaded(page);
    expect(page.url()).not.toBe(url);
    await page.goForward();
    await loaded(page);
    expect(page.url()).toBe(url);
    await expectStructure(page);
  });
});

const titles = new Map<string, string>();
let checked = 0;

async function expectNoViolations(page: Page, how: string): Promise<void> {
  expect(await axeViolations(page), `${page.url()} ${how}`).toEqual([]);
  checked += 1;
}

/** One heading, one main, and a title that no other screen has. */
async function expectStructure(page: Page): Promise<void> {
  expect(await page.locator("h1").count(), "h1").toBe(1);
  expect(await page.locator("main").count(), "main").toBe(1);
  const title = await page.title();
  const other = titles.get(title) ?? page.url();
  titles.set(title, page.url());
  expect(other, `the screen with the title ${title}`).toBe(page.url());
}

describe("the whole console", () => {
  it("was looked at in three ways", () => {
    console.info(`console: ${ROUTES.length} routes, ${checked} states with 0 axe and 0 policy violations`);
    expect(checked).toBe(3 * (ROUTES.length - 1));
  });
});
