import { resolve } from "node:path";
import { isExecutable } from "../../assets/assets.js";
import type { Config } from "../../config/config.js";
import { formatPublicUrl } from "../../config/public-url.js";
import type { RunningServer } from "../../server/server.js";
import { isThisMachine } from "../shell/credentials.js";

/** The facts about the server in the notice. */
type Started = Pick<RunningServer, "url" | "dataDirectory" | "adminTokenFile" | "firstStart">;

/**
 * The notice of the first start of a data directory or a PostgreSQL database: where the admin token is, and commands to try next; empty at
 * later starts. The token itself is shown on a terminal only, so that no log has it.
 */
export function firstStartNotice(
  server: Started,
  config: Pick<Config, "databaseUrl" | "tlsCert" | "tlsClientCa" | "console" | "publicUrls">,
  isTerminal: boolean,
): string {
  if (server.firstStart === null) return "";
  const { adminToken, orgId, projectId } = server.firstStart;
  // The executable comes without examples.
  const [signet, policy] = isExecutable
    ? ["signet", "policy.json"]
    : ["npx signet", "examples/policies/guardrails.json"];
  return [
    `First start of this ${config.databaseUrl === null ? "data directory" : "database"}. It now has`,
    `  organization default  ${orgId}`,
    `  project default       ${projectId}, with dev, staging and prod`,
    adminToken === null ? "  the admin token that you chose" : `  an admin token        in ${server.adminTokenFile}`,
    ...(adminToken !== null && isTerminal ? [`                        ${adminToken}`] : []),
    ...(config.console === "on" ? [`  a console             at ${consoleUrl(server.url, config)}`] : []),
    "",
    "Next, in another terminal, in this directory:",
    ...variablesFor(server, config).map((variable) => `  export ${variable}`),
    `  ${signet} publish --env dev -f ${policy}`,
    `  ${signet} promote --from dev`,
    `  ${signet} bundles --env staging`,
    "",
  ].join("\n");
}

/** The variables that commands in another terminal need. */
function variablesFor(
  { url, dataDirectory, adminTokenFile, firstStart }: Started,
  { tlsCert, tlsClientCa }: Pick<Config, "tlsCert" | "tlsClientCa">,
): string[] {
  const reachable = reachableUrl(url);
  const variables: string[] = [];
  if (reachable !== "http://127.0.0.1:8080") variables.push(`SIGNET_URL=${reachable}`);
  if (firstStart?.adminToken === null) variables.push("SIGNET_TOKEN=…   # the admin token that you chose");
  else if (!isThisMachine(reachable)) variables.push(`SIGNET_TOKEN_FILE=${quoted(adminTokenFile)}`);
  else if (resolve(dataDirectory) !== resolve("data")) variables.push(`SIGNET_DATA=${quoted(resolve(dataDirectory))}`);
  if (tlsCert !== null) {
    variables.push("SIGNET_CA=ca.pem   # only for a certificate of your own CA, or a self-signed one");
  }
  if (tlsClientCa !== null) {
    variables.push(
      "SIGNET_CLIENT_CERT=client.crt SIGNET_CLIENT_KEY=client.key   # a certificate that this server accepts",
    );
  }
  return variables;
}

/** Where browsers find the console: by the first public URL, where there is one. */
export function consoleUrl(url: string, { publicUrls }: Pick<Config, "publicUrls">): string {
  return `${publicUrls.map(formatPublicUrl)[0] ?? reachableUrl(url)}/console/`;
}

/** Listening on all interfaces: connect to the loopback address. */
function reachableUrl(url: string): string {
  return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:");
}

/** A path quoted as one word of a shell command. */
function quoted(path: string): string {
  return /^[\w./+@%-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
