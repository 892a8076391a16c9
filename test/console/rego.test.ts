import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { opaPolicies } from "../../src/sdk/index.js";
import { axeViolations } from "./browser/axe.js";
import { useBrowser, type WindowOptions } from "./browser/browser.js";
import { loaded, signedIn, type SignedIn } from "./browser/sign-in.js";
import { startSite, type Site } from "./site/site.js";

const browser = useBrowser();
let site: Site;
let session: SignedIn;
let project: string;
let first = 0;
let second = 0;

const REGO = "package authz\n\nallow if input.user in data.authz.roles.admins\n";
const FILES = {
  "authz/policy.rego": REGO,
  "authz/roles/data.json": '{"admins": ["ana"], "exact": 990000000262240065, "one": 1.0}\n',
};

beforeAll(async () => {
  site = await startSite();
  const { org, project: slug, orgId, projectId } = site.payments;
  project = `/console/orgs/${org}/projects/${slug}`;
  const publish = async (files: Readonly<Record<string, string>>) => {
    const given = opaPolicies(files, { roots: ["authz"] });
    const path = { orgId, projectId, envName: "dev" };
    return (await site.admin.bundles.publishBundle({ ...path, ...given, title: "Who may pay" })).version;
  };
  first = await publish(FILES);
  second = await publish({
    "authz/policy.rego": REGO.replace("admins", "owners\n# <b>\u202e"),
    "authz/new.rego": "package authz",
  });
  session = await signedIn(browser, site.url, site.adminToken);
});
afterAll(async () => {
  await site[Symbol.asyncDispose]();
});

async function open(path: string, options: WindowOptions = {}): Promise<Page> {
  const window = await browser.open(site.url, { ...session, ...options });
  const page = await window.tab(`${project}/${path}`);
  await loaded(page);
  return page;
}

describe("policies of kind OPA in the console", () => {
  it("are shown by files, with numbers as they are", async () => {
    const page = await open(`envs/dev/versions/${first}`);
    const file = page.getByRole("region", { name: "The file authz/policy.rego" });
    expect(await file.textContent()).toBe(REGO);
    await page.getByText("2 files, Rego version 1, roots authz").waitFor();
    await page.getByLabel("File", { exact: true }).selectOption("authz/roles/data.json");
    const data = page.getByRole("region", { name: "The file authz/roles/data.json" });
    expect(await data.textContent()).toBe(FILES["authz/roles/data.json"]);
    expect(new URL(page.url()).searchParams.get("file")).toBe("authz/roles/data.json");
    await page.getByText("Rego for OPA").waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await page.getByRole("button", { name: "As signed" }).click();
    await page.getByText("Byte for byte what runtimes verify.").waitFor();
  });

  it("are compared file by file, line by line", async () => {
    const page = await open(`compare?from=dev@${first}&to=dev@${second}`);
    await page.getByText("3 files differ.").waitFor();
    const policy = page.getByRole("region", { name: "What differs in authz/policy.rego" });
    expect(await policy.textContent()).toBe(
      "@@ -1,3 +1,4 @@\n package authz\n \n-allow if input.user in data.authz.roles.admins\n" +
        "+allow if input.user in data.authz.roles.owners\n+# <b>\\u202e\n",
    );
    const removed = page.getByRole("region", { name: "What differs in authz/roles/data.json" });
    expect(await removed.textContent()).toContain("990000000262240065");
    expect(await axeViolations(page)).toEqual([]);
    await page.getByRole("link", { name: "Text" }).click();
    await page.getByText("Only changes").waitFor();
  });

  it("are marked in the list of versions, at any width", async () => {
    const page = await open("versions?env=dev", { viewport: { width: 320, height: 700 } });
    await page.getByText("Rego", { exact: true }).first().waitFor();
  });

  it("are published as what they are, from what is active", async () => {
    const page = await open("envs/dev/publish");
    await page.getByRole("button", { name: `Start from v${second}, the active one` }).click();
    expect(await page.getByLabel("Rego for Open Policy Agent").isChecked()).toBe(true);
    await page.getByText("signet publish --env dev ./policy").waitFor();
    await page.getByRole("button", { name: "Preview and publish…" }).click();
    await page.getByText(`Nothing differs from v${second}, which is active`).waitFor();
    expect(await axeViolations(page)).toEqual([]);
  });
});
