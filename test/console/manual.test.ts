import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../support/server.js";
import { axeViolations } from "./browser/axe.js";
import { useBrowser } from "./browser/browser.js";

const browser = useBrowser();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe("the documentation in a browser", () => {
  it.each(["start", "cli", "console", "api"])(
    "/docs/%s has no violation in light, dark and at 320 px",
    async (name) => {
      const window = await browser.open(server.url);
      const page = await window.tab(`/docs/${name}`);
      await page.locator(".search").waitFor();
      expect(await axeViolations(page)).toEqual([]);
      await page.emulateMedia({ colorScheme: "dark" });
      expect(await axeViolations(page)).toEqual([]);
      await page.setViewportSize({ width: 320, height: 640 });
      expect(await axeViolations(page)).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(320);
    },
  );

  it("is searched by keyboard alone: / types, Enter opens the best section, Esc closes", async () => {
    const window = await browser.open(server.url);
    const page = await window.tab("/docs/start");
    await page.locator(".search").waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("rollback");
    await page.locator(".search-results li").first().waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/docs\/[\w-]+#rollback$/);
    await page.keyboard.press("/");
    await page.keyboard.type("zzz-nothing");
    await page.getByText("Nothing has all of").waitFor();
    await page.keyboard.press("Escape");
    expect(await page.locator(".search-results").isHidden()).toBe(true);
  });

  it("shows the API with Bundle first, and a call with the policies of an example", async () => {
    const window = await browser.open(server.url);
    const page = await window.tab("/docs");
    await page.locator(".opblock-tag").first().waitFor();
    expect(await page.locator(".opblock-tag").first().textContent()).toContain("Bundle");
    await page.locator("#operations-tag-Bundle").click();
    await page.locator("#operations-Bundle-publishBundle .opblock-summary-control").click();
    await page.getByText("EXAMPLE_API_KEY").first().waitFor();
    await page.setViewportSize({ width: 320, height: 640 });
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(320);
  });
});
