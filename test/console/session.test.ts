import type { Page, Route } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { send } from "../support/browser-session.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { axeViolations } from "./browser/axe.js";
import { useBrowser } from "./browser/browser.js";
import { loaded, signIn } from "./browser/sign-in.js";
import type { TestWindow } from "./browser/window.js";

const browser = useBrowser();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const TOKENS = "/console/orgs/default/tokens";
const again = (page: Page) => page.getByRole("dialog", { name: "Sign in again" });

/** Ends the session of a window without its pages. */
async function endSession({ context, url }: TestWindow): Promise<void> {
  const [cookie] = await context.cookies();
  const headers = { "sec-fetch-site": "same-origin", cookie: `${cookie?.name ?? ""}=${cookie?.value ?? ""}` };
  expect((await send(`${url}/console/session`, "DELETE", headers)).status).toBe(204);
}

async function signInAgain(page: Page, token: string): Promise<void> {
  await again(page).getByLabel("Token", { exact: true }).fill(token);
  await again(page).getByRole("button", { name: "Sign in" }).click();
  await again(page).waitFor({ state: "detached" });
}

/** Answers the question for the session with other times, in milliseconds from now. */
async function pretendEnds(page: Page, ends: { readonly idleMs: number; readonly endMs: number }): Promise<void> {
  await page.route("**/console/session", async (route: Route) => {
    const response = await route.fetch();
    if (response.status() !== 200) return await route.fulfill({ response });
    const at = (ms: number) => new Date(Date.now() + ms).toISOString();
    const json = { ...(await response.json()), idle_ends_at: at(ends.idleMs), ends_at: at(ends.endMs) } as unknown;
    await route.fulfill({ response, json });
  });
}

describe("a session that has ended", () => {
  it("asks again over the page, and nothing that was typed is lost", async () => {
    const window = await browser.open(server.url, { expected: [/ 401 /] });
    const page = await window.tab(TOKENS);
    await signIn(page, ADMIN_TOKEN);
    await page.getByRole("button", { name: "Create token" }).click();
    const create = page.getByRole("dialog", { name: "Create a token" });
    await create.getByRole("radio", { name: "Viewer" }).check();
    await create.getByLabel("Name").fill("typed before the end");
    await endSession(window);
    // The stream hears of it.
    await again(page).waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await page.keyboard.press("Escape");
    expect(await again(page).isVisible()).toBe(true);
    await signInAgain(page, ADMIN_TOKEN);
    expect(await create.getByLabel("Name").inputValue()).toBe("typed before the end");
    await create.getByRole("button", { name: "Create token" }).click();
    await page.getByRole("dialog", { name: "Token created" }).waitFor();
    await page.getByRole("button", { name: "I have saved it" }).click();
    await page.getByRole("row", { name: /typed before the end/ }).waitFor();
  });
});

describe("signing out", () => {
  it("is done in all tabs", async () => {
    const window = await browser.open(server.url, { expected: [/ 401 /] });
    const [one, other] = [await window.tab(TOKENS), await window.tab(TOKENS)];
    await signIn(one, ADMIN_TOKEN);
    // The other tab hears of the sign-in, too.
    await loaded(other);
    await one.getByRole("button", { name: "Account and preferences" }).click();
    await one.getByRole("button", { name: "Sign out" }).click();
    for (const page of [one, other]) await page.getByRole("heading", { name: "Sign in to Signet" }).waitFor();
    expect(await window.context.cookies()).toEqual([]);
  });
});

describe("before its end", () => {
  it("says when nobody has used it for a while, and how to stay", async () => {
    const window = await browser.open(server.url);
    const page = await window.tab(TOKENS);
    await signIn(page, ADMIN_TOKEN);
    await pretendEnds(page, { idleMs: 45_000, endMs: 3_600_000 });
    await page.reload();
    const warning = page.getByRole("complementary", { name: "End of the session" });
    await warning.getByText("You will be signed out within a minute").waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await page.unroute("**/console/session");
    await warning.getByRole("button", { name: "Stay signed in" }).click();
    await warning.waitFor({ state: "detached" });
  });

  it("offers to sign in again over the page when its time is up", async () => {
    const window = await browser.open(server.url, { expected: [/ 401 /] });
    const page = await window.tab(TOKENS);
    await signIn(page, ADMIN_TOKEN);
    await pretendEnds(page, { idleMs: 230_000, endMs: 230_000 });
    await page.reload();
    const warning = page.getByRole("complementary", { name: "End of the session" });
    await warning.getByText("The session ends in 4 minutes").waitFor();
    await page.getByRole("button", { name: "Sign in again" }).click();
    await page.unroute("**/console/session");
    await signInAgain(page, ADMIN_TOKEN);
    expect(await warning.count()).toBe(0);
  });
});
