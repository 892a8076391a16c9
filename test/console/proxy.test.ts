import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { freePort } from "../../bench/free-port.js";
import { describeUnless } from "../support/needs.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { useBrowser } from "./browser/browser.js";
import { loaded, signIn } from "./browser/sign-in.js";

const hasNginx = spawnSync("nginx", ["-v"]).error === undefined;
const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each[Symbol.asyncDispose]();
});
// Behind the servers' hook, so that its own runs first: a page that outlives the server reports what it cannot reach.
const browser = useBrowser();

/** A server behind nginx, below `path`; the server sees another Host than the browser sent. */
async function startBehindProxy(path: string): Promise<{ server: TestServer; publicUrl: string }> {
  const port = await freePort();
  const publicUrl = `http://127.0.0.1:${port}${path}`;
  const server = await startTestServer({ SIGNET_PUBLIC_URL: publicUrl });
  opened.push(server);
  const directory = await mkdtemp(join(tmpdir(), "signet-console-nginx-"));
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${join(directory, kind)};`,
  );
  const config = `daemon off; master_process off; pid ${join(directory, "pid")}; events {}
    http { access_log off; ${temporary.join(" ")}
      server { listen 127.0.0.1:${port};
        location ${path}/ { proxy_pass ${server.url}/; proxy_set_header Host signet.internal;
          proxy_http_version 1.1; proxy_buffering off; } } }`;
  await writeFile(join(directory, "nginx.conf"), config);
  const args = ["-e", join(directory, "error.log"), "-p", directory, "-c", join(directory, "nginx.conf")];
  const nginx = spawn("nginx", args, { stdio: "ignore" });
  const ended = new Promise((resolve) => nginx.on("close", resolve));
  opened.push({
    async [Symbol.asyncDispose]() {
      nginx.kill();
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  });
  await expect
    .poll(async () => (await fetch(`${publicUrl}/healthz`).catch(() => null))?.status, { timeout: 30_000 })
    .toBe(200);
  return { server, publicUrl };
}

describeUnless(hasNginx ? null : "nginx is missing", "the console behind a proxy that rewrites Host", () => {
  it.each(["", "/signet"])("signs in, promotes, is live and signs out at the path '%s'", async (path) => {
    const { server, publicUrl } = await startBehindProxy(path);
    const { admin, orgId, projectId } = server;
    const at = { orgId, projectId, envName: "dev" };
    await admin.bundles.publishBundle({ ...at, policies: '{"a":1}', title: "The first" });
    const window = await browser.open(publicUrl);
    const page = await window.tab("/console/orgs/default/projects/default");
    await signIn(page, ADMIN_TOKEN);
    await page.getByText("The first").first().waitFor();
    await page.locator(".live-live").waitFor();

    // A change: its origin and its cookie are those of the public URL.
    await page.getByRole("button", { name: "Promote dev to staging" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Promote to staging" }).click();
    await dialog.getByText("Version 1 is active in staging").waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });

    await admin.bundles.publishBundle({ ...at, policies: '{"a":2}', title: "The second" });
    await page.getByText("The second").first().waitFor();

    await page.getByRole("navigation", { name: "Screens" }).getByRole("link", { name: "Versions" }).click();
    await page.waitForURL(/\/versions/);
    await loaded(page);
    expect(page.url().startsWith(`${publicUrl}/console/orgs/`)).toBe(true);
    await page.reload();
    await loaded(page);
    await page.getByText("The first").first().waitFor();

    await page.getByRole("button", { name: "Account and preferences" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Token", { exact: true }).waitFor();
    expect(await window.context.cookies()).toEqual([]);
  });
});
