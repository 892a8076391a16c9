import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBrowser } from "./browser/browser.js";
import { loaded, signedIn, type SignedIn } from "./browser/sign-in.js";
import { startSite, type Site } from "./site/site.js";

/** With SIGNET_TEST_SCREENSHOTS=1 the pictures of README and docs/console.md are written. */
const IMAGES = process.env["SIGNET_TEST_SCREENSHOTS"] === "1" ? join(import.meta.dirname, "../../docs/images") : null;

const MAX_BYTES = 150_000;

const project = ({ payments }: Site) => `/console/orgs/${payments.org}/projects/${payments.project}`;

/** What is shown, and how high the picture is. */
const PICTURES: readonly (readonly [name: string, path: (site: Site) => string, height: number])[] = [
  ["lanes", (site) => project(site), 640],
  ["compare", (site) => `${project(site)}/compare?from=dev@6&to=dev@12`, 760],
  ["fleet", (site) => `${project(site)}/fleet?environment=prod`, 760],
  ["document", (site) => `${project(site)}/envs/dev/versions/12`, 760],
  ["audit", (site) => `/console/orgs/${site.payments.org}/audit`, 760],
];

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
