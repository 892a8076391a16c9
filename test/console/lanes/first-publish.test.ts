import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../../support/server.js";
import { axeViolations } from "../browser/axe.js";
import { useBrowser } from "../browser/browser.js";
import { loaded, signedIn, type SignedIn } from "../browser/sign-in.js";
import { createConsolePlace } from "./console-place.js";

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

async function open(path: string): Promise<Page> {
  const window = await browser.open(server.url, session);
  const page = await window.tab(path);
  await loaded(page);
  return page;
}

const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

describe("the first publish", () => {
  it("leads from the empty project to a runtime that is seen live, and on to the next environment", async () => {
    const page = await open("/console/");
    await page.getByRole("link", { name: "Start the first publish" }).click();
    const policy = page.getByLabel("Policy", { exact: true });
    await policy.fill('{"limit": 1,\n "limit": 2}');
    await page.getByText(/^Line 2, column 2: duplicate key/).waitFor();
    expect(await button(page, "Publish to dev").isEnabled()).toBe(false);
    await button(page, "Use the example").click();
    expect(await axeViolations(page)).toEqual([]);
    await button(page, "Publish to dev").click();
    await button(page, "Create a runtime token").click();
    await page.getByText("The token is shown once").waitFor();
    const [token = ""] = (await page.locator(".command code").allTextContents()).filter((text) =>
      /^signet_rt_/.test(text),
    );
    await page.getByText("Waiting for a runtime of dev").waitFor();
    expect(await axeViolations(page)).toEqual([]);
    const runtime = server.clientFor(token);
    await runtime.runtimes.reportStatus({ instanceId: "first-one", state: "applied", sequence: 1 });
    await page.getByText("Applied by the one live runtime: version 1.").waitFor();
    await page.getByText("first-one").waitFor();
    await page.getByRole("link", { name: "Go on" }).click();
    await page.getByRole("link", { name: "Promote dev to staging…" }).click();
    await button(page, "Promote to staging").click();
    await page.getByRole("dialog").getByText("Version 1 is active in staging, sequence 1.").waitFor();
  });

  it("goes on where it was left", async () => {
    const place = await createConsolePlace(server, "left");
    const page = await open(`/console/start?project=${place.slug}`);
    await page.getByRole("heading", { name: "Publish a policy" }).waitFor();
    await place.publish("dev", { n: 1 });
    await page.reload();
    await page.getByRole("heading", { name: "Start a runtime" }).waitFor();
    const runtime = await place.runtime("dev");
    await runtime.runtimes.reportStatus({ instanceId: "pod-1", state: "applied", sequence: 1 });
    await page.reload();
    await page.getByRole("heading", { name: "Promote it" }).waitFor();
  });

  it("makes a project when none is chosen", async () => {
    const page = await open("/console/start?step=project");
    await page.getByLabel("New project").fill("A new one");
    await button(page, "Create project").click();
    await page.getByRole("heading", { name: "Publish a policy" }).waitFor();
    expect(new URL(page.url()).searchParams.get("project")).toBe("a-new-one");
  });
});

describe("a pipeline", () => {
  it("is made, gets environments, and promotes to many after a preview", async () => {
    const place = await createConsolePlace(server, "many", ["dev", "eu", "us"]);
    await place.publish("dev", { n: 1 });
    const page = await open(`${place.path}/pipelines`);
    await button(page, "New pipeline").first().click();
    await page.getByLabel("Name", { exact: true }).fill("All regions");
    await button(page, "Create pipeline").click();
    await page.getByRole("heading", { name: "All regions", level: 1 }).waitFor();
    for (const [stage, env] of [
      ["Development", "dev"],
      ["Production", "eu"],
      ["Production", "us"],
    ] as const) {
      await button(page, `Actions for the stage ${stage}`).click();
      await button(page, "Add an environment…").click();
      await page.getByLabel("Environment", { exact: true }).selectOption(`${place.slug}/${env}`);
      await button(page, "Add environment").click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await page.getByRole("link", { name: `${place.slug}/${env}` }).waitFor();
    }
    expect(await axeViolations(page)).toEqual([]);
    // Beside its environments: a drop on one of them means that one alone.
    const stage = page.getByRole("region", { name: "Production", exact: true });
    await page
      .locator(".app-card")
      .first()
      .dragTo(stage, { targetPosition: { x: 40, y: 20 } });
    await button(page, "Promote to 2 environments").waitFor();
    expect(await place.state("eu")).toEqual([undefined, 0]);
    await page.getByRole("checkbox", { name: /us/ }).uncheck();
    await button(page, "Promote to 1 environment").click();
    await page.getByRole("dialog").getByText("Version 1 is active, sequence 1.").waitFor();
    expect([await place.state("eu"), await place.state("us")]).toEqual([
      [1, 1],
      [undefined, 0],
    ]);
    await page.getByRole("dialog").getByRole("button", { name: "Close" }).last().click();
    await page.getByText("As the stage before").waitFor();
    await button(page, "Edit").click();
    await button(page, "Delete the pipeline…").click();
    await page.getByLabel(/^Type /).fill("All regions");
    await button(page, "Delete pipeline").click();
    await page.getByText("There is no pipeline yet").waitFor();
    expect(await place.state("eu")).toEqual([1, 1]);
  });
});
