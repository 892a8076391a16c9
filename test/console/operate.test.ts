import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Page } from "playwright-core";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { formatMessage } from "../../src/sdk/index.js";
import { ListAuditEventsResponseSchema } from "../../gen/signet/v1/audit_pb.js";
import { useBrowser } from "./browser/browser.js";
import { loaded, signedIn, type SignedIn } from "./browser/sign-in.js";
import { startSite, type Site } from "./site/site.js";

const browser = useBrowser();
let site: Site;
let as: SignedIn;
beforeAll(async () => {
  site = await startSite();
  as = await signedIn(browser, site.url, site.adminToken);
});
afterAll(async () => {
  await site[Symbol.asyncDispose]();
});

const organization = () => `/console/orgs/${site.payments.org}`;
const project = () => `${organization()}/projects/${site.payments.project}`;

async function open(path: string, signedInAs = as): Promise<Page> {
  const window = await browser.open(site.url, signedInAs);
  const page = await window.tab(path);
  await loaded(page);
  return page;
}

describe("the fleet", () => {
  it("shows an instance that rejects, and why, without a reload", async () => {
    const page = await open(`${project()}/fleet?env=prod&state=rejected`);
    await page.getByRole("link", { name: "gateway-eu-west-1-07" }).waitFor();
    expect(await page.getByText("the parser of rule 9 failed").count()).toBe(0);
    const runtime = site.server.clientFor(site.payments.runtimeTokens["prod"] ?? "");
    await runtime.runtimes.reportStatus({
      ...{ instanceId: "gateway-new", state: "rejected", sequence: 4, reason: "the parser of rule 9 failed" },
    });
    await page.getByRole("link", { name: "gateway-new" }).waitFor();
    await page.getByText("the parser of rule 9 failed").first().waitFor();
    await page.getByRole("link", { name: "2 Rejected" }).waitFor();
  });

  it("keeps filters over a reload and back, and opens an instance by its URL", async () => {
    const page = await open(`${project()}/fleet`);
    await page.getByLabel("State").selectOption("behind");
    await page.getByLabel("Environment").selectOption("prod");
    await page.waitForURL(/state=behind.*env=prod|env=prod.*state=behind/);
    await page.reload();
    await loaded(page);
    expect(await page.getByLabel("State").inputValue()).toBe("behind");
    expect(await page.locator(".fleet-row").count()).toBe(3);
    await page.locator(".fleet-row a").first().click();
    await page.getByRole("dialog").getByText("signet runtimes --project").waitFor();
    await page.goBack();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await page.getByLabel("Environment").inputValue()).toBe("prod");
  });

  it("counts by a label, and each group leads to its instances", async () => {
    const page = await open(`${project()}/fleet?env=prod&group=label:tier`);
    await page.getByRole("heading", { name: "By label tier" }).waitFor();
    await page.getByRole("link", { name: "canary" }).click();
    await page.waitForURL(/label=tier%3Dcanary/);
    expect(new URL(page.url()).searchParams.get("env")).toBe("prod");
  });
});

describe("deployments", () => {
  it("are filtered by kind, and a version of one is activated again through the preview", async () => {
    const page = await open(`${project()}/deployments?env=staging&kind=promote`);
    expect(await page.locator(".deployment-row").count()).toBe(4);
    await page.getByRole("button", { name: /Roll back to this.*version 2 of staging/ }).click();
    await page.waitForURL(/activate=staging%402/);
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Activate v2" }).click();
    await expect
      .poll(async () => {
        const { orgId, projectId } = site.payments;
        const { environments } = await site.admin.organizations.listEnvironments({ orgId, projectId });
        return environments.find(({ name }) => name === "staging")?.activeVersion;
      })
      .toBe(2);
  });
});

describe("the audit", () => {
  it("is verified in the browser, event by event, and by the server", async () => {
    const page = await open(`${organization()}/audit?view=verify`);
    await page.getByRole("button", { name: "Verify the chain" }).click();
    await page.getByText(/^The chain holds: \d+ events checked$/).waitFor();
    await page.getByText(/events have the root that the log signed/).waitFor();
    await page.getByRole("button", { name: "Have the server verify" }).click();
    await page.getByText(/^The server says that the chain holds: \d+ events checked$/).waitFor();
  });

  it("a page that was tampered with on its way is found at its event", async () => {
    const page = await open(`${organization()}/audit?view=verify`);
    await page.route("**/signet.v1.AuditService/ListAuditEvents", async (route) => {
      const response = await route.fetch();
      const answer = fromBinary(ListAuditEventsResponseSchema, await response.body());
      const event = answer.events.find(({ id }) => id === 14);
      if (event !== undefined) event.action = "bundle.deleted";
      await route.fulfill({ response, body: Buffer.from(toBinary(ListAuditEventsResponseSchema, answer)) });
    });
    await page.getByRole("button", { name: "Verify the chain" }).click();
    await page.getByText("Broken at event 14", { exact: true }).waitFor();
    await page.getByText("its signature does not verify").waitFor();
  });

  it("is compared with the checkpoint that this browser kept", async () => {
    const page = await open(`${organization()}/audit?view=verify`);
    await page.getByText("Kept in this browser").waitFor();
    await site.admin.tokens.createViewerToken({ orgId: site.payments.orgId, name: "one more event" });
    await page.reload();
    await page.getByText("The log only grew").waitFor();
    // Another history: what was kept is of the same log, and does not fit it.
    const { note } = await site.admin.audit.getAuditCheckpoint({ orgId: site.payments.orgId });
    const broken = JSON.stringify({ note: note.replace(/\n(\d+)\n/, "\n1\n"), savedAt: "2026-01-01T00:00:00Z" });
    await page.evaluate(
      `localStorage.setItem("signet.audit-checkpoint.${site.payments.orgId}", ${JSON.stringify(broken)})`,
    );
    await page.reload();
    await page.getByText("What this browser kept does not verify").waitFor();
  });

  it("is exported as the API lists it, all that match", async () => {
    const page = await open(`${organization()}/audit?action=bundle.*`);
    await page.getByRole("button", { name: "Export…" }).click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("dialog").getByRole("button", { name: "Export" }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^audit-.*\.jsonl$/);
    const { events } = await site.admin.audit.listAuditEvents({ orgId: site.payments.orgId, action: "bundle.*" });
    expect(await readFile(await download.path(), "utf8")).toBe(events.map((it) => `${formatMessage(it)}\n`).join(""));
    expect(events.length).toBeGreaterThan(20);
  });

  it("proves that one event is in the log, and says why others cannot read it", async () => {
    const page = await open(`${organization()}/audit?event=20`);
    await page.getByRole("button", { name: "Prove it here" }).click();
    await page.getByText("Proven in this browser").waitFor();
    const { rawKey } = await site.admin.tokens.createViewerToken({ orgId: site.payments.orgId, name: "no audit" });
    const viewer = await open(`${organization()}/audit`, await signedIn(browser, site.url, rawKey ?? ""));
    await viewer.getByText("This token does not read the audit").waitFor();
  });
});

describe("webhooks", () => {
  it("a failed delivery is looked at and replayed, and arrives", async () => {
    const [, id = ""] = site.webhookIds;
    const page = await open(`${organization()}/webhooks/${id}?state=failed`);
    await page.getByText("circuit open").first().waitFor();
    await page.locator(".delivery-row a").first().click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("status 503").waitFor();
    await dialog.getByText(/"type":"bundle\./).waitFor();
    const ids = { orgId: site.payments.orgId, webhookId: id };
    await site.admin.webhooks.updateWebhook({ ...ids, url: `${site.receiver.url}/200/pager` });
    await dialog.getByRole("button", { name: "Replay this one" }).click();
    await dialog.getByText("delivered").waitFor();
  });

  it("is made with a secret that is shown once, tested, paused and deleted", async () => {
    const page = await open(`${organization()}/webhooks`);
    await page.getByRole("button", { name: "Create webhook" }).click();
    await page.getByLabel("URL").fill(`${site.receiver.url}/200/new-hook`);
    await page.getByRole("button", { name: "Create", exact: true }).click();
    const secret = (await page.getByRole("dialog").locator("pre").textContent()) ?? "";
    expect(secret).toMatch(/^whsec_/);
    await page.getByRole("button", { name: "I have kept it" }).click();
    await page.getByRole("link", { name: /new-hook/ }).click();
    await page.getByRole("button", { name: "Send a test" }).click();
    await page
      .getByText(/^The test arrived: status 200/)
      .first()
      .waitFor();
    expect(await page.content()).not.toContain(secret);
    await page.getByRole("button", { name: "More" }).click();
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
    await page.getByText("paused").first().waitFor();
    await page.getByRole("button", { name: "More" }).click();
    await page.getByRole("button", { name: "Delete" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox").fill(new URL(site.receiver.url).host);
    await dialog.getByRole("button", { name: "Delete" }).click();
    await page.waitForURL(/\/webhooks$/);
    expect(await page.getByRole("link", { name: /new-hook/ }).count()).toBe(0);
  });
});
