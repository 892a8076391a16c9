import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../src/core/clock.js";
import { useBrowser } from "./browser/browser.js";
import { loaded, signedIn, type SignedIn } from "./browser/sign-in.js";
import { startSite, type Site } from "./site/site.js";

/** With SIGNET_TEST_SCREENSHOTS=1 the pictures of README and docs/console.md are written. */
const IMAGES = process.env["SIGNET_TEST_SCREENSHOTS"] === "1" ? join(import.meta.dirname, "../../docs/images") : null;

const MAX_BYTES = 150_000;

const HOUR_MS = 3_600_000;

/** The site is as old as that, and between two of its versions lie {@link STEP_MS}. */
const AGE_MS = 33 * 24 * HOUR_MS;
const STEP_MS = 47 * HOUR_MS;

/** Makes the site as if it had grown for weeks: its clock is moved. Ends with the time of the machine. */
async function growSite(): Promise<Site> {
  let nowMs = Date.now() - AGE_MS;
  const clock = vi.spyOn(systemClock, "now").mockImplementation(() => new Date(nowMs));
  try {
    return await startSite({}, () => {
      nowMs = Math.min(nowMs + STEP_MS, Date.now());
    });
  } finally {
    clock.mockRestore();
  }
}

const project = ({ payments }: Site) => `/console/orgs/${payments.org}/projects/${payments.project}`;

/** What is shown, and how high the picture is. */
const PICTURES: readonly (readonly [name: string, path: (site: Site) => string, height: number])[] = [
  ["lanes", (site) => project(site), 740],
  ["compare", (site) => `${project(site)}/compare?from=dev@6&to=dev@12`, 800],
  ["fleet", (site) => `${project(site)}/fleet?env=prod`, 800],
  ["document", (site) => `${project(site)}/envs/dev/versions/12`, 800],
  ["audit", (site) => `/console/orgs/${site.payments.org}/audit`, 800],
];

const browser = useBrowser();
let site: Site;
let session: SignedIn;
beforeAll(async () => {
  site = await growSite();
  session = await signedIn(browser, site.url, site.adminToken);
});
afterAll(async () => {
  await site[Symbol.asyncDispose]();
});

describe.each(PICTURES)("the picture of %s", (name, path, height) => {
  it.each(["light", "dark"] as const)("is made in %s, and is small", async (colorScheme) => {
    const window = await browser.open(site.url, { ...session, colorScheme, viewport: { width: 1280, height } });
    const page = await window.tab(path(site));
    await loaded(page);
    await page.locator(".live-live").waitFor();
    const picture = await page.screenshot({ animations: "disabled", caret: "hide" });
    expect(picture.length).toBeLessThan(MAX_BYTES);
    if (IMAGES === null) return;
    mkdirSync(IMAGES, { recursive: true });
    writeFileSync(join(IMAGES, `${name}-${colorScheme}.png`), picture);
  });
});
