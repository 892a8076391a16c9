import { relative, resolve } from "node:path";
import type { Config } from "../../src/config/config.js";
import type { RunningServer } from "../../src/server/server.js";

/** Commands to type next, in another terminal: its shell has none of this process's settings. */
export function nextSteps(server: RunningServer, config: Config): string {
  const path = (file: string) => quoted(relative(process.cwd(), file));
  const token = config.adminToken === null ? `$(cat ${path(server.adminTokenFile)})` : "$SIGNET_TOKEN";
  const lines = [
    ...settings(server, config),
    "npx signet bundles --env prod",
    "npx signet publish --env dev -f examples/policies/guardrails-strict.yaml",
    "npx signet promote --from dev",
    "npx signet pipeline create main",
    "npx signet pipeline add-app main Development dev",
    "npx signet pipeline add-app main Production staging",
    "npx signet pipeline add-app main Production prod",
    "npx signet pipeline promote main --from dev --to staging prod",
    "npx signet artifact create -f examples/policies/guardrails.json --name draft",
    "npx signet audit list",
    `curl -H "Authorization: Bearer ${token}" ${server.url}/v1/whoami`,
  ];
  return `
The server stays up at ${server.url} until you press Ctrl-C. In another terminal, here:

${lines.map((line) => `   ${line}`).join("\n")}

README.md goes on from here.`;
}

/** Settings of this server that differ from the command line's defaults. */
function settings(server: RunningServer, config: Config): readonly string[] {
  const url = server.url === "http://127.0.0.1:8080" ? [] : [`export SIGNET_URL=${server.url}`];
  // Never print the token itself.
  if (config.adminToken !== null)
    return [...url, 'export SIGNET_TOKEN="$SIGNET_ADMIN_TOKEN"   # the admin token that you chose'];
  const data = server.dataDirectory === resolve("data") ? [] : [`export SIGNET_DATA=${quoted(server.dataDirectory)}`];
  return [...url, ...data];
}

/** A text as one word of a POSIX shell. */
function quoted(text: string): string {
  return /^[\w./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
