import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { useBrowser } from "./browser/browser.js";
import { loaded } from "./browser/sign-in.js";

/** More steps than any screen has from its start to any of its elements. */
const MAX_STEPS = 120;

const browser = useBrowser();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** Goes with the tabulator to an element. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  await target.waitFor();
  const focused = target.and(page.locator(":focus"));
  for (let step = 0; step < MAX_STEPS; step += 1) {
    if ((await focused.count()) > 0) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`no way by the tabulator to ${target.toString()}`);
}

async function press(page: Page, target: Locator, key = "Enter"): Promise<void> {
  await tabTo(page, target);
  await page.keyboard.press(key);
}

describe("the keyboard alone", () => {
  it("signs in, publishes, promotes and rolls back", async () => {
    const { admin, orgId, projectId } = server;
    const at = { orgId, projectId };
    await admin.bundles.publishBundle({ ...at, envName: "dev", policies: '{"limit":1}', title: "The first" });
    await admin.bundles.promoteBundle({ ...at, sourceEnv: "dev" });
    const window = await browser.open(server.url);
    const page = await window.tab("/console/orgs/default/projects/default/envs/dev/publish");
    const button = (name: string | RegExp) => page.getByRole("button", { name });

    await tabTo(page, page.getByLabel("Token", { exact: true }));
    await page.keyboard.type(ADMIN_TOKEN);
    await page.keyboard.press("Enter");
    await loaded(page);

    await tabTo(page, page.getByRole("textbox", { name: "Policy document (JSON)" }));
    await page.keyboard.insertText('{"limit":2}');
    // In the editor the tabulator indents, until Esc.
    await page.keyboard.press("Escape");
    await page.keyboard.press("Tab");
    await tabTo(page, page.getByLabel("Title", { exact: true }));
    await page.keyboard.type("By keys alone");
    await press(page, button("Preview and publish…"));
    await page.locator("dialog").getByText("It becomes version 2 of dev").waitFor();
    await press(page, button("Publish and activate"));
    await page.getByText("Version 2 was published to dev and is active.").waitFor();

    await press(page, page.getByRole("link", { name: "Watch it arrive" }));
    await loaded(page);
    await press(page, button("Promote dev to staging"));
    const dialog = page.getByRole("dialog");
    await tabTo(page, dialog.getByLabel("Reason"));
    await page.keyboard.type("the tests are green");
    await dialog.getByRole("button", { name: "Promote to staging", disabled: false }).waitFor();
    await press(page, button("Promote to staging"));
    await dialog.getByText("Version 2 is active in staging").waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });

    await press(page, button("Actions for staging"));
    // The focus goes into the menu, where arrows move it.
    const rollback = button("Roll back…").and(page.locator(":focus"));
    await rollback.waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowUp");
    await rollback.waitFor();
    await page.keyboard.press("Enter");
    await dialog.getByRole("button", { name: "Roll back to v1", disabled: false }).waitFor();
    await press(page, button("Roll back to v1"));
    await dialog.getByText("Version 1 is active in staging").waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });

    const { data } = await admin.bundles.listDeployments({ ...at, envName: "staging" });
    expect(data.map(({ kind, version, reason }) => [kind, version, reason])).toEqual([
      ["rollback", 1, undefined],
      ["promote", 2, "the tests are green"],
      ["promote", 1, undefined],
    ]);
  });

  it("opens the palette, goes to a screen by its name, shows the keys, and searches", async () => {
    const window = await browser.open(server.url);
    const page = await window.tab("/console/orgs/default/projects/default");
    await tabTo(page, page.getByLabel("Token", { exact: true }));
    await page.keyboard.type(ADMIN_TOKEN);
    await page.keyboard.press("Enter");
    await loaded(page);
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox", { name: "Screen, project or command" }).waitFor();
    await page.keyboard.type("versions");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/versions/);
    await loaded(page);
    await page.keyboard.press("/");
    await page.getByLabel("Search versions").and(page.locator(":focus")).waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Tab");
    await press(page, page.getByRole("link", { name: "Keys", exact: true }));
    await page.waitForURL(/\/console\/keys/);
    await loaded(page);
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  });

  it("asks before it leaves what was not published", async () => {
    const window = await browser.open(server.url);
    const page = await window.tab("/console/orgs/default/projects/default/envs/dev/publish");
    await tabTo(page, page.getByLabel("Token", { exact: true }));
    await page.keyboard.type(ADMIN_TOKEN);
    await page.keyboard.press("Enter");
    await loaded(page);
    const editor = page.getByRole("textbox", { name: "Policy document (JSON)" });
    await tabTo(page, editor);
    await page.keyboard.insertText('{"limit":3}');
    const url = page.url();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Tab");
    window.questions.stay = 1;
    await press(page, page.getByRole("link", { name: "Lanes", exact: true }));
    await expect.poll(() => window.questions.asked).toBe(1);
    expect(page.url()).toBe(url);
    expect(await editor.innerText()).toContain('"limit":3');
    await press(page, page.getByRole("link", { name: "Lanes", exact: true }));
    await page.waitForURL((at) => at.href !== url);
    expect(window.questions.asked).toBe(2);
  });
});
