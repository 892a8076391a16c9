import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { afterEach, expect, it } from "vitest";
import { describeUnless } from "../support/needs.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { useBrowser } from "./browser/browser.js";
import { loaded, signIn } from "./browser/sign-in.js";

const hasNginx = spawnSync("nginx", ["-v"]).error === undefined;
const browser = useBrowser();
const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each[Symbol.asyncDispose]();
});

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
  const config = `daemon off; pid ${join(directory, "pid")}; events {}
    http { access_log off; ${temporary.join(" ")}
      server { listen 127.0.0.1:${port};
        location ${path}/ { proxy_pass ${server.url}/; proxy_set_header Host signet.internal; proxy_http_version 1.1; proxy_buffering off; } } }`;
  await writeFile(join(directory, "nginx.conf"), config);
  const nginx = spawn("nginx", ["-e", "stderr", "-p", directory, "-c", join(directory, "nginx.conf")]);
  const ended = new Promise((resolve) => nginx.on("close", resolve));
  opened.push({
    async [Symbol.asyncDispose]() {
      nginx.kill();
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  });
  await expect.poll(async () => (await fetch(`${publicUrl}/health`).catch(() => null))?.status).toBe(200);
  return { server, publicUrl };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describeUnless(hasNginx ? null : "nginx is missing", "the console behind a proxy that rewrites Host", () => {
  it.each(["", "/signet"])("signs in, goes through its screens, changes and is live below '%s'", async (path) => {
    const { server, publicUrl } = await startBehindProxy(path);
    const { admin, orgId, projectId } = server;
    const at = { orgId, projectId, envName: "dev" };
    await admin.bundles.publishBundle({ ...at, policies: '{"a":1}', title: "The first" });
    const window = await browser.open(publicUrl);
    const page = await window.tab("/console/");
    await signIn(page, ADMIN_TOKEN);
    await page.getByRole("link", { name: "Versions" }).click();
    await loaded(page);
    expect(new URL(page.url()).pathname).toMatch(new RegExp(`^${path}/console/orgs/`));
    await page.reload();
    await loaded(page);
    await page.getByText("The first").first().waitFor();
    await page.locator(".live-live").waitFor();
    await admin.bundles.publishBundle({ ...at, policies: '{"a":2}', title: "The second" });
    await page.getByText("The second").first().waitFor();
    // A change: origin and cookie are those of the public URL.
    await page.getByRole("button", { name: "Account and preferences" }).click();
    await page.getByText("Sign out").click();
    await page.getByLabel("Token", { exact: true }).waitFor();
  });
});
