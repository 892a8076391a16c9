import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { axeViolations } from "./browser/axe.js";
import { useBrowser } from "./browser/browser.js";
import { loaded, signIn } from "./browser/sign-in.js";

const browser = useBrowser();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe("the sign-in", () => {
  it("has no violation in light, dark and at 320 px", async () => {
    const window = await browser.open(server.url);
    const page = await window.tab("/console/");
    await page.getByLabel("Token", { exact: true }).waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await page.emulateMedia({ colorScheme: "dark" });
    expect(await axeViolations(page)).toEqual([]);
    await page.setViewportSize({ width: 320, height: 640 });
    expect(await axeViolations(page)).toEqual([]);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(320);
    expect(await page.locator("h1").count()).toBe(1);
    expect(await page.locator("main").count()).toBe(1);
  });

  it("leads from / to the screen that was asked for, and keeps the token out of the browser's storage", async () => {
    const window = await browser.open(server.url);
    const page = await window.tab("/");
    await signIn(page, ADMIN_TOKEN);
    const kept = await page.evaluate<string>(
      "JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])",
    );
    expect(kept).not.toContain(ADMIN_TOKEN);
    const cookies = await window.context.cookies();
    expect(cookies).toMatchObject([{ name: "signet", httpOnly: true, sameSite: "Strict" }]);
    expect(JSON.stringify(cookies)).not.toContain(ADMIN_TOKEN);
    const deep = await window.tab("/console/orgs/default/projects/default/versions?env=staging");
    await loaded(deep);
    expect(new URL(deep.url()).search).toBe("?env=staging");
  });

  it("refuses a token that is not valid, where the person looks", async () => {
    const window = await browser.open(server.url, { expected: [/ 401 /] });
    const page = await window.tab("/console/");
    const token = page.getByLabel("Token", { exact: true });
    await token.fill("not-a-token-of-this-server");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.locator("[aria-invalid=true]").waitFor();
    expect(await page.locator(".frame").count()).toBe(0);
    expect(await window.context.cookies()).toEqual([]);
  });
});
