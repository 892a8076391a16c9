import Database from "better-sqlite3";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN } from "../support/server.js";
import { useBrowser } from "./browser/browser.js";
import { loaded, signedIn, type SignedIn } from "./browser/sign-in.js";
import { seedScale, startRestartable, type RestartableServer } from "./site/history.js";

const VERSIONS = 100_000;
const INSTANCES = 10_000;
/** The version that is searched for: among the oldest. */
const SOUGHT = 7;
/** Rows of a table that may be in the page, however many were read. */
const MAX_ROWS = 250;

const browser = useBrowser();
let server: RestartableServer;
let session: SignedIn;
let soughtHash = "";
beforeAll(async () => {
  server = await startRestartable({}, (directory) => {
    seedScale(directory, { versions: VERSIONS, auditEvents: 1_000 }, INSTANCES);
    const database = new Database(join(directory, "signet.db"));
    const hash = database.prepare("select policy_hash from bundles where version = ?").pluck().get(SOUGHT);
    soughtHash = String(hash).replace(/^sha256:/, "");
    database.close();
  });
  session = await signedIn(browser, server.url, ADMIN_TOKEN);
}, 300_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const PROJECT = "/console/orgs/default/projects/default";
const rows = async (page: Page) => await page.locator("tbody tr").count();

/** Opens a screen, and prints how long that took. */
async function open(path: string, what: string): Promise<Page> {
  // The seeded versions have no signature that the document's screen could verify.
  const window = await browser.open(server.url, { ...session, expected: [/ 500 .*GetDeploymentAttestation/] });
  const start = performance.now();
  const page = await window.tab(path);
  await loaded(page);
  await page.locator("tbody tr").first().waitFor();
  console.info(`console: ${what} opened in ${Math.round(performance.now() - start)} ms`);
  return page;
}

/** Scrolls to the end again and again, until so many rows were read. */
async function scrollTo(page: Page, count: number, total: number): Promise<void> {
  const start = performance.now();
  const read = async () => Number(/^\d+/.exec(await page.locator(".table-more span").first().innerText())?.[0]);
  while ((await read()) < count) {
    const before = await read();
    await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)");
    await expect.poll(read, { timeout: 30_000 }).toBeGreaterThan(before);
  }
  await page.getByText(` of ${total} shown`).waitFor();
  console.info(`console: ${count} of ${total} rows scrolled in ${Math.round(performance.now() - start)} ms`);
}

describe("a large site", () => {
  it(`opens, scrolls and filters a fleet of ${INSTANCES}, with few of its rows in the page`, async () => {
    const page = await open(`${PROJECT}/fleet`, `a fleet of ${INSTANCES}`);
    await page.getByRole("link", { name: "10,000 All" }).waitFor();
    await page.getByRole("link", { name: "1,000 Rejected" }).waitFor();
    await page.getByRole("link", { name: "node-00000" }).waitFor();
    await scrollTo(page, 1_000, INSTANCES);
    await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)");
    await page.getByRole("link", { name: "node-00999" }).waitFor();
    expect(await rows(page)).toBeLessThan(MAX_ROWS);
    await page.evaluate("scrollTo(0, 0)");
    await page.getByRole("link", { name: "node-00000" }).waitFor();
    await page.getByLabel("Search", { exact: true }).fill("node-09993");
    await page.getByRole("link", { name: "node-09993" }).waitFor();
    await expect.poll(async () => await rows(page)).toBe(1);
    await page.getByText("rule 17: unknown action").waitFor();
  }, 300_000);

  it(`opens, pages and searches ${VERSIONS} versions, with few of their rows in the page`, async () => {
    const page = await open(`${PROJECT}/versions?env=dev`, `${VERSIONS} versions`);
    const version = (number: number) => page.getByRole("checkbox", { name: `Choose version ${number} for` });
    await version(VERSIONS).waitFor();
    await scrollTo(page, 300, VERSIONS);
    await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)");
    await version(VERSIONS - 299).waitFor();
    expect(await rows(page)).toBeLessThan(MAX_ROWS);
    await page.evaluate("scrollTo(0, 0)");
    await version(VERSIONS).waitFor();
    const start = performance.now();
    await page.getByLabel("Search versions").fill(soughtHash.slice(0, 20));
    await version(SOUGHT).waitFor({ timeout: 120_000 });
    console.info(
      `console: one of ${VERSIONS} versions found by its hash in ${Math.round(performance.now() - start)} ms`,
    );
    await expect.poll(async () => await rows(page)).toBe(1);
    await page.locator("tbody th a").first().click();
    await page.waitForURL(new RegExp(`/envs/dev/versions/${SOUGHT}$`));
    await loaded(page);
  }, 300_000);
});
