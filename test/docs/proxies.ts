import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect } from "vitest";
import type { PageShell } from "./page-shell.js";

/** The program of each language in which a page shows the configuration of a proxy. */
const PROGRAMS: Readonly<Record<string, string>> = { nginx: "nginx", caddyfile: "caddy" };

/** Whether a block configures a proxy. */
export function isProxy(language: string): boolean {
  return language in PROGRAMS;
}

/**
 * Runs the proxy with the configuration that a page shows, where the program is installed, before the server of the page: REST and
 * gRPC must come through. Besides the port, the paths of the certificate are substituted: by tls.crt and tls.key, which the page made.
 */
export async function checkProxy(shell: PageShell, language: string, text: string): Promise<void> {
  const program = PROGRAMS[language] ?? "";
  if (spawnSync(program, ["-v"]).error !== undefined) return;
  const inside = (name: string) => join(shell.directory, name);
  if (program === "caddy") {
    shell.save("Caddyfile", text);
    return expectDone(shell, `caddy adapt --adapter caddyfile --config ${inside("Caddyfile")}`);
  }
  const port = shell.port("8443");
  const server = text
    .replace("listen 443", `listen 127.0.0.1:${port}`)
    .replaceAll("/etc/ssl/signet.", inside("tls."))
    .replaceAll(/^/gm, "  ");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `  ${kind}_temp_path ${inside(kind)};\n`,
  );
  const whole = `daemon off;\npid ${inside("nginx.pid")};\nevents {}\nhttp {\n  access_log off;\n${temporary.join("")}${server}\n}\n`;
  shell.save("nginx.conf", whole);
  const through = `--url https://localhost:${port} --ca tls.crt`;
  // In a shell of its own: `$!` of the page stays what it was.
  await expectDone(shell, `(nginx -e stderr -p ${shell.directory} -c ${inside("nginx.conf")} &)`);
  await expectDone(shell, `npx signet health --wait ${through}`);
  await expectDone(shell, `SIGNET_TOKEN_FILE=data/admin-token npx signet whoami ${through}`);
}

async function expectDone(shell: PageShell, command: string): Promise<void> {
  const { exit, err } = await shell.run(command, true);
  expect({ exit, err: exit === 0 ? "" : err }, command).toEqual({ exit: 0, err: "" });
}
