import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../../support/server.js";
import { axeViolations } from "../browser/axe.js";
import { useBrowser } from "../browser/browser.js";
import { loaded, signedIn, type SignedIn } from "../browser/sign-in.js";
import { createConsolePlace, type ConsolePlace } from "./console-place.js";

const browser = useBrowser();
let server: TestServer;
let session: SignedIn;

beforeAll(async () => {
  server = await startTestServer();
  session = await signedIn(browser, server.url, ADMIN_TOKEN);
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

async function open(path: string, expected: readonly RegExp[] = []): Promise<Page> {
  const window = await browser.open(server.url, { ...session, expected });
  const page = await window.tab(path);
  await loaded(page);
  return page;
}

const lane = (page: Page, name: string) => page.getByRole("article", { name, exact: true });
const dialog = (page: Page) => page.getByRole("dialog");
const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

/** dev at version 2, staging and prod at 1. */
async function twoVersions(name: string): Promise<ConsolePlace> {
  const place = await createConsolePlace(server, name);
  await place.publish("dev", { pii: { action: "REDACT" }, limit: 1 }, "Guardrails");
  await place.promote("dev");
  await place.promote("staging");
  await place.publish("dev", { pii: { action: "BLOCK" }, limit: 1 }, "Block PII");
  return place;
}

describe("promotion", () => {
  it("by the button: shows what differs, promotes what was shown, and follows the rollout", async () => {
    const place = await twoVersions("by button");
    const runtime = await place.runtime("staging");
    await runtime.runtimes.reportStatus({ instanceId: "checkout-1", state: "applied", sequence: 1 });
    const page = await open(place.path);
    await page.getByText("1 ahead").waitFor();
    await button(page, "Promote dev to staging").click();
    expect(new URL(page.url()).search).toBe("?promote=dev");
    await dialog(page).getByText("1 change", { exact: true }).waitFor();
    expect(await dialog(page).locator(".change-path").textContent()).toBe("/policies/pii/action");
    expect(await dialog(page).locator("ins").textContent()).toBe('"BLOCK"');
    expect(await axeViolations(page)).toEqual([]);
    expect(await place.state("staging")).toEqual([1, 1]);
    await dialog(page).getByLabel("Reason").fill("approved in CHG-1042");
    await button(page, "Promote to staging").click();
    await dialog(page).getByText("Version 2 is active in staging, sequence 2.").waitFor();
    await dialog(page).getByText("Applied by 0 of 1 live runtime").waitFor();
    await runtime.runtimes.reportStatus({ instanceId: "checkout-1", state: "applied", sequence: 2 });
    await dialog(page).getByText("Applied by the one live runtime").waitFor();
    await dialog(page).getByRole("button", { name: "Close" }).last().click();
    await lane(page, "staging").getByText("approved in CHG-1042").waitFor();
    expect(new URL(page.url()).search).toBe("");
    const { admin } = server;
    const { data } = await admin.bundles.listDeployments({ ...place, envName: "staging", limit: 1 });
    expect(data).toMatchObject([{ kind: "promote", reason: "approved in CHG-1042", sourceVersion: 2 }]);
  });

  it("by dragging the active bundle to the next lane, and to no other one", async () => {
    const place = await twoVersions("by drag");
    const page = await open(place.path);
    const bundle = lane(page, "dev").locator(".lane-bundle");
    await bundle.dragTo(lane(page, "prod"));
    expect(await dialog(page).count()).toBe(0);
    await bundle.dragTo(lane(page, "staging"));
    await page.getByRole("dialog", { name: "Promote dev to staging" }).getByText("1 change", { exact: true }).waitFor();
    expect(await place.state("staging")).toEqual([1, 1]);
    await button(page, "Promote to staging").click();
    await dialog(page).getByText("Version 2 is active in staging, sequence 2.").waitFor();
  });

  it("by keys alone", async () => {
    const place = await twoVersions("by keys");
    const page = await open(place.path);
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").fill("promote dev");
    await page.keyboard.press("Enter");
    await dialog(page).getByText("1 change", { exact: true }).waitFor();
    for (let steps = 0; steps < 12 && (await page.evaluate("document.activeElement.type")) !== "text"; steps += 1) {
      await page.keyboard.press("Tab");
    }
    await page.keyboard.type("by keys");
    await page.keyboard.press("Enter");
    await dialog(page).getByText("Version 2 is active in staging, sequence 2.").waitFor();
    await page.keyboard.press("Escape");
    await dialog(page).waitFor({ state: "detached" });
    await lane(page, "staging").getByText("by keys").waitFor();
  });

  it("is refused when the target has changed since the preview, until that was looked at", async () => {
    const place = await twoVersions("raced");
    const page = await open(`${place.path}?promote=dev`, [/ 4(00|09|12) /]);
    await dialog(page).getByText("1 change", { exact: true }).waitFor();
    await place.publish("staging", { limit: 7 }, "A hotfix");
    // The stream may tell of it first: then the button waits already, and a click does nothing.
    const promote = button(page, "Promote to staging");
    await promote.evaluate("(element) => element.click()");
    const again = button(page, "Show the new preview");
    await again.waitFor();
    expect(await place.state("staging")).toEqual([2, 2]);
    await again.click();
    await dialog(page).getByText("replaces v2").waitFor();
    await promote.click();
    await dialog(page).getByText("Version 3 is active in staging, sequence 3.").waitFor();
  });

  it("makes nothing of content that is there already, unless that is asked for", async () => {
    const place = await twoVersions("the same");
    const page = await open(`${place.path}?promote=staging`);
    await dialog(page).getByText("prod has this content already: there is nothing to do.").waitFor();
    expect(await button(page, "Promote to prod").isEnabled()).toBe(false);
    await dialog(page).getByLabel("Make no new version when the content is the same").uncheck();
    await button(page, "Promote to prod").click();
    await dialog(page).getByText("Version 2 is active in prod, sequence 2.").waitFor();
  });
});

describe("undo", () => {
  it("rolls back to the version that the preview showed, holds it, and releases it", async () => {
    const place = await twoVersions("rolled back");
    const page = await open(place.path, [/ 409 /]);
    await button(page, "Actions for dev").click();
    await button(page, "Roll back…").click();
    await button(page, "Roll back to v1").waitFor();
    expect(await dialog(page).locator("del").textContent()).toBe('"BLOCK"');
    await dialog(page).getByLabel("Reason").fill("INC-311");
    await dialog(page).getByRole("checkbox").check();
    await button(page, "Roll back to v1").click();
    await dialog(page).getByText("Version 1 is active in dev, sequence 3.").waitFor();
    await dialog(page).getByRole("button", { name: "Close" }).last().click();
    await lane(page, "dev").getByText("Held", { exact: true }).waitFor();
    await button(page, "Actions for dev").click();
    await button(page, "Activate a version…").click();
    await dialog(page).getByLabel("Version").selectOption("2");
    await dialog(page).getByText("dev is held: release it before anything changes it.").waitFor();
    expect(await button(page, "Activate").isEnabled()).toBe(false);
    await dialog(page).getByRole("link", { name: "Release dev…" }).click();
    await button(page, "Release dev").click();
    await lane(page, "dev").getByText("Held", { exact: true }).waitFor({ state: "detached" });
    expect(await place.state("dev")).toEqual([1, 3]);
    await page.goto(`${server.url}${place.path}?activate=dev@2`);
    await button(page, "Activate v2").click();
    await dialog(page).getByText("Version 2 is active in dev, sequence 4.").waitFor();
  });
});

describe("the lanes", () => {
  it("show a runtime that rejected what is active, and why", async () => {
    const place = await twoVersions("rejected");
    const runtime = await place.runtime("prod");
    const reason = "signature: the key is not trusted";
    await runtime.runtimes.reportStatus({ instanceId: "checkout-1", state: "applied", sequence: 1 });
    await runtime.runtimes.reportStatus({ instanceId: "checkout-2", state: "rejected", sequence: 1, reason });
    const page = await open(place.path);
    await lane(page, "prod").getByText("Applied by 1 of 2 live").waitFor();
    await lane(page, "prod").getByText(reason).waitFor();
    expect(await axeViolations(page)).toEqual([]);
  });

  it("say to a viewer why nothing can be changed", async () => {
    const place = await twoVersions("looked at");
    const { rawKey } = await server.admin.tokens.createViewerToken({ orgId: server.orgId, name: "readers" });
    const viewer = await signedIn(browser, server.url, rawKey ?? "");
    const window = await browser.open(server.url, viewer);
    const page = await window.tab(place.path);
    await page.getByText("A viewer token is read-only.").first().waitFor();
    expect(await button(page, "Promote dev to staging").isDisabled()).toBe(true);
    expect(await lane(page, "dev").locator(".lane-bundle").getAttribute("draggable")).toBe("false");
    await button(page, "Actions for dev").click();
    expect(await page.getByRole("button", { name: /^Roll back/ }).getAttribute("aria-disabled")).toBe("true");
  });

  it("scroll in a region of their own when there are twelve, and stand below one another at 320 px", async () => {
    const names = Array.from({ length: 12 }, (_, index) => `stage-${index + 1}`);
    const place = await createConsolePlace(server, "twelve", names);
    await place.publish("stage-1", { n: 1 });
    const page = await open(place.path);
    const region = page.getByRole("region", { name: "Environments in promotion order" });
    expect(await page.getByRole("article").count()).toBe(12);
    const box = `document.querySelector(".lanes-box")`;
    const inner = await page.evaluate<number>(`${box}.scrollWidth - ${box}.clientWidth`);
    expect(inner).toBeGreaterThan(1_000);
    const overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    expect(await page.evaluate<number>(overflow)).toBeLessThanOrEqual(0);
    await region.focus();
    await page.keyboard.press("ArrowRight");
    await expect.poll(() => page.evaluate<number>(`${box}.scrollLeft`)).toBeGreaterThan(0);
    await page.setViewportSize({ width: 320, height: 640 });
    expect(await page.evaluate<number>(overflow)).toBeLessThanOrEqual(0);
    expect(await axeViolations(page)).toEqual([]);
  });

  it("show one environment alone", async () => {
    const place = await createConsolePlace(server, "alone", ["only"]);
    await place.publish("only", { n: 1 }, "The only one");
    const page = await open(place.path);
    await lane(page, "only").getByText("The only one").waitFor();
    expect(await page.getByRole("button", { name: /^Promote/ }).count()).toBe(0);
  });
});
