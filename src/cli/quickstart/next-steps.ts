import { relative, resolve } from "node:path";
import { isExecutable } from "../../assets/assets.js";
import type { Config } from "../../config/config.js";
import type { RunningServer } from "../../server/server.js";

/** The facts about the server in the text. */
type Started = Pick<RunningServer, "url" | "dataDirectory" | "adminTokenFile">;

/**
 * Commands to type next, in another terminal in the same directory, whose shell has none of this process's settings; and the page to
 * open. The text never has the token itself.
 */
export function nextSteps(server: Started, config: Pick<Config, "adminToken" | "console">): string {
  const token = config.adminToken === null ? `$(cat ${pathOf(server.adminTokenFile)})` : "$SIGNET_TOKEN";
  const [signet, publish] = isExecutable
    ? ["signet", `echo '{"pii": {"enabled": true}}' | signet publish --env dev -f -`]
    : ["npx signet", "npx signet publish --env dev -f examples/policies/guardrails-strict.yaml"];
  const lines = [
    ...settings(server, config),
    `${signet} bundles --env prod`,
    publish,
    `${signet} promote --from dev`,
    `${signet} promote --from staging`,
    `${signet} rollback --env prod --reason "as the quickstart says"`,
    `${signet} audit list`,
    `curl -H "Authorization: Bearer ${token}" ${server.url}/v1/whoami`,
  ];
  const watch = [
    `${signet} keys --pem > signet.pub`,
    `(umask 077; ${signet} token create --runtime --env dev --name laptop > runtime-token)`,
    `SIGNET_TOKEN_FILE=runtime-token ${signet} watch --keys signet.pub`,
    `${signet} trust init            # a root: what is the newest, by whom, until when`,
    `SIGNET_TOKEN_FILE=runtime-token ${signet} verify --root trust/root.json`,
  ];
  return `
The server stays up at ${server.url} until you press Ctrl-C.
${consoleLines(server, config)}The API as a page: ${server.url}/docs

In another terminal, here:

${indented(lines)}

Be a runtime: a watch, which prints each push as it verifies it:

${indented(watch)}

Programs in Python or Go, OPA, flagd, and programs that read a file: ${server.url}/docs/start#runtimes-everywhere

${isExecutable ? "signet help lists all commands." : "README.md goes on from here."}`;
}

/** Where to look, and what to sign in with. */
function consoleLines({ url, adminTokenFile }: Started, config: Pick<Config, "adminToken" | "console">): string {
  if (config.console === "off") return "";
  const token =
    config.adminToken === null ? `the token in ${pathOf(adminTokenFile)}` : "the admin token that you chose";
  return `The console: ${url}/console/   (sign in with ${token})\n`;
}

/** Settings of this server that differ from the command line's defaults. */
function settings(server: Started, config: Pick<Config, "adminToken">): readonly string[] {
  const url = server.url === "http://127.0.0.1:8080" ? [] : [`export SIGNET_URL=${server.url}`];
  if (config.adminToken !== null)
    return [...url, 'export SIGNET_TOKEN="$SIGNET_ADMIN_TOKEN"   # the admin token that you chose'];
  const data = server.dataDirectory === resolve("data") ? [] : [`export SIGNET_DATA=${quoted(server.dataDirectory)}`];
  return [...url, ...data];
}

function indented(lines: readonly string[]): string {
  return lines.map((line) => `   ${line}`).join("\n");
}

function pathOf(file: string): string {
  return quoted(relative(process.cwd(), file));
}

/** A text as one word of a POSIX shell. */
function quoted(text: string): string {
  return /^[\w./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
