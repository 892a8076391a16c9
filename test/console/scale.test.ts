import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN } from "../support/server.js";
import { useBrowser } from "./browser/browser.js";
import { loaded, signedIn, type SignedIn } from "./browser/sign-in.js";
import { seedScale, startRestartable, type RestartableServer } from "./site/history.js";

const VERSIONS = 100_000;
const INSTANCES = 10_000;
/** Rows of a table that may be in the page, however many there are. */
const MAX_ROWS = 400;

const browser = useBrowser();
let server: RestartableServer;
let session: SignedIn;
beforeAll(async () => {
  server = await startRestartable({}, (directory) =>
    seedScale(directory, { versions: VERSIONS, auditEvents: 20_000 }, INSTANCES),
  );
  session = await signedIn(browser, server.url, ADMIN_TOKEN);
}, 180_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const PROJECT = "/console/orgs/default/projects/default";
const rows = async (page: Page) => await page.locator("tbody tr").count();

describe("a large site", () => {
  it(`opens, scrolls and filters a fleet of ${INSTANCES} with a bounded number of rows in the page`, async () => {
    const window = await browser.open(server.url, session);
    const page = await window.tab(`${PROJECT}/fleet`);
    await loaded(page);
    await page.getByText("node-0").first().waitFor();
    expect(await rows(page)).toBeLessThan(MAX_ROWS);
  });

  it(`opens, pages and filters ${VERSIONS} versions`, async () => {
    const window = await browser.open(server.url, session);
    const page = await window.tab(`${PROJECT}/versions?env=dev`);
    await loaded(page);
    await page.getByText("100000").first().waitFor();
    expect(await rows(page)).toBeLessThan(MAX_ROWS);
  });
});
