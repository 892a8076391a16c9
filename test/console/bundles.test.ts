import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { axeViolations } from "./browser/axe.js";
import { useBrowser, type WindowOptions } from "./browser/browser.js";
import { loaded, signedIn, type SignedIn } from "./browser/sign-in.js";
import { startSite, type Site } from "./site/site.js";

const browser = useBrowser();
let site: Site;
let session: SignedIn;
let project: string;

beforeAll(async () => {
  site = await startSite();
  project = `/console/orgs/${site.payments.org}/projects/${site.payments.project}`;
  session = await signedIn(browser, site.url, site.adminToken);
});
afterAll(async () => {
  await site[Symbol.asyncDispose]();
});

/** A refusal of the server, which Chromium reports as an error: the test makes it happen. */
const REFUSED = { expected: [/ 40\d .*BundleService/] };

async function open(path: string, options: WindowOptions = {}): Promise<Page> {
  const window = await browser.open(site.url, { ...session, ...options });
  const page = await window.tab(`${project}/${path}`);
  await loaded(page);
  return page;
}

const versionPath = (env: string) => ({
  orgId: site.payments.orgId,
  projectId: site.payments.projectId,
  envName: env,
});

describe("a document", () => {
  it("is verified in the browser, and says by which key", async () => {
    const page = await open("envs/dev/versions/12");
    await page.getByText("Hash and signatures verify").waitFor();
    const { keys } = await site.admin.bundles.listKeys({});
    const verify = page.getByRole("region", { name: "Verified here" });
    const shown = await verify.getByText("Signed by").textContent();
    expect(keys.map(({ keyId }) => keyId).some((id) => shown?.includes(id))).toBe(true);
    expect(await verify.getByText("it is the newest activation").count()).toBe(1);
    expect(await axeViolations(page)).toEqual([]);
  });

  it("that was changed on the way does not verify, and says where it fails", async () => {
    const window = await browser.open(site.url, session);
    await window.context.route("**/signet.v1.BundleService/GetBundleDocument", async (route) => {
      const response = await route.fetch();
      const body = await response.body();
      const changed = Buffer.from(body.toString("latin1").replace("hold_and_alert", "allow_no_alert"), "latin1");
      expect(changed.equals(body)).toBe(false);
      const { "content-encoding": _, ...headers } = response.headers();
      await route.fulfill({ status: response.status(), headers, body: changed });
    });
    const page = await window.tab(`${project}/envs/dev/versions/12`);
    await page.getByText("Does not verify: do not trust this document").waitFor();
    const verify = page.getByRole("region", { name: "Verified here" });
    expect(await verify.getByText("policy_hash is not the hash of the content").count()).toBe(1);
    expect(await verify.getByText("Signed by").count()).toBe(0);
    expect(await page.getByText("Hash and signatures verify").count()).toBe(0);
  });

  it("counts a pinned key alone", async () => {
    const page = await open("envs/dev/versions/12");
    await page.getByText("Hash and signatures verify").waitFor();
    await page.getByText("Pin a key", { exact: true }).click();
    await page.getByLabel("Public key (PEM) or key id").fill("0011223344556677");
    await page.getByRole("button", { name: "Verify by this key" }).click();
    await page.getByText("Does not verify: do not trust this document").waitFor();
    await page.getByRole("button", { name: "Forget it" }).click();
    await page.getByText("Hash and signatures verify").waitFor();
  });

  it("is searched, folded and linked to by line", async () => {
    const page = await open("envs/dev/versions/12#L5");
    await page.locator(".cm-chosenLine").waitFor();
    expect(await page.locator(".cm-chosenLine").textContent()).toContain('"EUR"');
    await page.keyboard.press("/");
    await page.keyboard.type("sanctioned");
    await page.locator(".cm-searchMatch").first().waitFor();
    await page.getByRole("button", { name: "Fold all", exact: true }).click();
    await page.locator(".cm-foldPlaceholder").first().waitFor();
    await page.getByRole("button", { name: "Unfold all" }).click();
    await page.locator(".cm-lineNumbers .cm-gutterElement", { hasText: /^3$/ }).first().click();
    expect(new URL(page.url()).hash).toBe("#L3");
  });

  it("of 3 MiB is not put into an editor, and is verified when a person asks for it", async () => {
    const policies = JSON.stringify({
      list: Array.from({ length: 60_000 }, (_, n) => ({ n, rule: `rule number ${n} of many` })),
    });
    const { version } = await site.admin.bundles.publishBundle({ ...versionPath("dev"), policies, activate: false });
    const page = await open(`envs/dev/versions/${version}`);
    await page.getByText(/are too much to show/).waitFor();
    expect(await page.locator(".cm-editor").count()).toBe(0);
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: /^Download/ }).click();
    expect((await download).suggestedFilename()).toBe(`${site.payments.project}-dev-v${version}.json`);
    await page.getByRole("button", { name: /in this browser/ }).click();
    await page.getByText("Hash and signatures verify").waitFor();
    await page.goto(`${site.url}${project}/compare?from=dev@12&to=dev@${version}`);
    await page.getByText(/are too much to compare as text/).waitFor();
    await page.getByRole("table", { name: "Values that differ" }).waitFor();
    await page.getByRole("button", { name: `Download dev v${version}` }).waitFor();
  });
});

describe("a comparison", () => {
  it("is a link, to a line and to a path", async () => {
    const page = await open("compare?from=dev@3&to=dev@12");
    await page.locator(".cm-deletedChunk").first().waitFor();
    await page.getByRole("link", { name: "By path (11)" }).click();
    await page.getByRole("link", { name: "/policies/velocity/new_beneficiaries_per_day" }).click();
    await page.locator(".cm-chosenLine").waitFor();
    expect(await page.locator(".cm-chosenLine").textContent()).toContain('"new_beneficiaries_per_day": 3');
    expect(new URL(page.url()).searchParams.get("path")).toBe("/policies/velocity/new_beneficiaries_per_day");
    await page.getByRole("link", { name: "Side by side" }).click();
    await page.locator(".cm-mergeViewEditor").nth(1).waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await page.getByRole("button", { name: "Swap" }).click();
    await page.getByText("Before: dev v12, after: dev v3").waitFor();
  });

  it("of two environments says what promoting would change", async () => {
    const page = await open("compare?from=dev@12&to=prod");
    await page.getByText(/as it would be promoted to prod/).waitFor();
    await page.getByRole("link", { name: "Metadata" }).click();
    await page.getByRole("cell", { name: "Hold large first transfers for review" }).waitFor();
  });
});

describe("the versions of an environment", () => {
  it("are found by what is in the URL, chosen, and compared", async () => {
    const page = await open("versions?env=dev&by=mara.lindqvist");
    expect(await page.getByRole("rowheader").count()).toBe(3);
    await page.getByRole("checkbox", { name: "Choose version 3 for a comparison" }).check();
    await page.getByRole("checkbox", { name: "Choose version 10 for a comparison" }).check();
    await page.getByRole("link", { name: "Compare v3 with v10" }).click();
    await page.getByRole("heading", { name: "Compare dev v3 with dev v10" }).waitFor();
    await page.goBack();
    await page.getByRole("link", { name: "Compare v3 with v10" }).waitFor();
    await page.getByLabel("Search versions").fill("no such text");
    await page.getByText("No version matches").waitFor();
  });

  it("are deleted with the quota in sight, and not while they are active", async () => {
    const page = await open("versions?env=dev");
    await page.getByRole("button", { name: "Actions for version 12" }).click();
    expect(await page.getByRole("button", { name: /Delete v12/ }).getAttribute("aria-disabled")).toBe("true");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Actions for version 2", exact: true }).click();
    await page.getByRole("button", { name: "Delete v2…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText(/versions kept/).waitFor();
    await dialog.getByLabel("Reason").fill("not needed");
    await dialog.getByRole("button", { name: "Delete v2" }).click();
    await dialog.waitFor({ state: "detached" });
    await page.getByRole("link", { name: "v2", exact: true }).waitFor({ state: "detached" });
    await expect(site.admin.bundles.getBundle({ ...versionPath("dev"), version: 2 })).rejects.toMatchObject({
      code: "not_found",
    });
  });
});

describe("publishing", () => {
  it("refuses a key that occurs twice at its position, and publishes what was previewed", async () => {
    const page = await open("envs/staging/publish");
    const editor = page.getByRole("textbox", { name: "Policy document (JSON)" });
    await editor.fill('{\n  "limit": 1.0,\n  "limit": 2\n}');
    await page.getByText("duplicate key").first().waitFor();
    expect(await page.getByRole("button", { name: "Line 3, column 3" }).count()).toBe(1);
    await page.getByRole("button", { name: "Preview and publish…" }).click();
    expect(await page.getByRole("dialog").count()).toBe(0);
    await editor.fill('{\n  "limit": 1.0,\n  "rate": 2\n}');
    await page.getByText("Valid: the server accepts it").waitFor();
    await page.getByLabel("Title").fill("By hand");
    await page.getByRole("button", { name: "Preview and publish…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("table", { name: "Values that differ" }).waitFor();
    await dialog.getByLabel("Reason").fill("a test");
    expect(await axeViolations(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Publish and activate" }).click();
    await page.getByText(/was published to staging and is active/).waitFor();
    const { activeVersion: version = 0 } = await site.admin.organizations.getEnvironment(versionPath("staging"));
    const made = await site.admin.bundles.getBundle({ ...versionPath("staging"), version });
    expect([made.policiesJson, made.title]).toEqual(['{"limit":1.0,"rate":2}', "By hand"]);
  });

  it("keeps a draft for its tab, starts from what is active, and asks before it is lost", async () => {
    const window = await browser.open(site.url, session);
    const page = await window.tab(`${project}/envs/prod/publish`);
    await loaded(page);
    await page.getByRole("button", { name: /^Start from v/ }).click();
    await page.getByText("Valid: the server accepts it").waitFor();
    await page.getByLabel("Title").fill("A draft");
    await expect.poll(() => page.evaluate<string>("JSON.stringify(sessionStorage)")).toContain("A draft");
    await page.reload();
    await loaded(page);
    expect(window.questions.asked).toBe(1);
    expect(await page.getByLabel("Title").inputValue()).toBe("A draft");
    await page.getByText('"hold_and_alert"').waitFor();
    await page.getByRole("button", { name: "Discard draft" }).click();
    await page.getByText("A policy document is a JSON object.").waitFor();
  });

  it("is refused when another one activated meanwhile, until a person looked at it", async () => {
    const page = await open("envs/prod/publish", REFUSED);
    await page.getByRole("textbox", { name: "Policy document (JSON)" }).fill('{"mine": true}');
    await page.getByText("Valid: the server accepts it").waitFor();
    await site.admin.bundles.publishBundle({ ...versionPath("prod"), policies: '{"theirs": true}' });
    await page.getByRole("button", { name: "Preview and publish…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("alert").waitFor();
    expect(await dialog.getByRole("button", { name: "Publish and activate" }).isDisabled()).toBe(true);
  });

  it("marks what the project's schema refuses at its place", async () => {
    const { orgId, projectId } = site.guardrails;
    const schema = '{"type":"object","properties":{"limit":{"type":"number"}}}';
    await site.admin.bundles.setPolicySchema({ orgId, projectId, schema });
    const window = await browser.open(site.url, { ...session, ...REFUSED });
    const page = await window.tab(
      `/console/orgs/${site.guardrails.org}/projects/${site.guardrails.project}/envs/dev/publish`,
    );
    await loaded(page);
    await page.getByRole("textbox", { name: "Policy document (JSON)" }).fill('{\n  "limit": "fast"\n}');
    await page.getByRole("button", { name: "Preview and publish…" }).click();
    await page.getByRole("button", { name: "Show them in the editor" }).click();
    await page.getByRole("button", { name: "Line 2, column 12" }).waitFor();
    await site.admin.bundles.deletePolicySchema({ orgId, projectId });
  });

  it("does not trap the keyboard in the editor", async () => {
    const page = await open("envs/dev/publish");
    await page.getByRole("textbox", { name: "Policy document (JSON)" }).focus();
    await page.keyboard.type("{");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    const focused = () => page.evaluate<boolean>(`document.activeElement?.shadowRoot != null`);
    expect(await focused()).toBe(true);
    await page.keyboard.press("Escape");
    await page.keyboard.press("Tab");
    expect(await focused()).toBe(false);
  });
});
