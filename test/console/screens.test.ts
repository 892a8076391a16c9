import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { axeViolations } from "./browser/axe.js";
import { useBrowser } from "./browser/browser.js";
import { loaded, signedIn } from "./browser/sign-in.js";
import { PATHS, ROUTES } from "./site/screens.js";
import { startSite, type Site } from "./site/site.js";

const browser = useBrowser();
let site: Site;
let page: Page;
beforeAll(async () => {
  site = await startSite();
  const session = await signedIn(browser, site.url, site.adminToken);
  const window = await browser.open(site.url, { ...session, isShared: true });
  page = await window.context.newPage();
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
    // A step within the console, and back.
    await page.setViewportSize({ width: 1280, height: 800 });
    const url = page.url();
    const step = page
      .getByRole("navigation", { name: "Screens" })
      .getByRole("link", { name: route === "keys" ? "System" : "Keys" });
    await step.click();
    await page.waitForURL((at) => at.href !== url);
    await loaded(page);
    await page.goBack();
    await page.waitForURL(url);
    await loaded(page);
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
