import type { Page } from "playwright-core";
import type { TestBrowser, WindowOptions } from "./browser.js";

/** The cookies of a window that is signed in: for further windows. */
export type SignedIn = Required<Pick<WindowOptions, "storageState">>;

/** Signs in by the form of the page, and waits for a screen. */
export async function signIn(page: Page, token: string): Promise<void> {
  await page.getByLabel("Token", { exact: true }).fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await loaded(page);
}

/** Signs in once, for all windows of a file. */
export async function signedIn(browser: TestBrowser, url: string, token: string): Promise<SignedIn> {
  const window = await browser.open(url);
  await signIn(await window.tab("/console/"), token);
  const storageState = await window.context.storageState();
  await window.context.close();
  return { storageState };
}

/** Waits until a screen of the console shows what it is about: its heading, and nothing that is still being read. */
export async function loaded(page: Page): Promise<void> {
  await page.locator(".frame main h1").first().waitFor();
  await page.locator(".skeleton").first().waitFor({ state: "detached" });
}
