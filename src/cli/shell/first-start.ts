import { isExecutable } from "../../assets.js";
import type { RunningServer } from "../../server.js";

/**
 * What the first start of a data directory tells, once: where the admin token is and what to type next. The token itself is shown
 * only on a terminal, never to a log.
 */
export function firstStartNotice(server: RunningServer, isTerminal: boolean): string {
  if (server.firstStart === null) return "";
  const { adminToken, orgId, projectId } = server.firstStart;
  const elsewhere = server.url === "http://127.0.0.1:8080" ? "" : `  export SIGNET_URL=${server.url}\n`;
  // The executable comes alone.
  const [signet, policy] = isExecutable
    ? ["signet", "policy.json"]
    : ["npx signet", "examples/policies/guardrails.json"];
  return [
    "This is the first start of this data directory. It now has",
    `  organization default  ${orgId}`,
    `  project default       ${projectId}, with dev, staging and prod`,
    adminToken === null ? "  the admin token that you chose" : `  an admin token        in ${server.adminTokenFile}`,
    ...(adminToken !== null && isTerminal ? [`                        ${adminToken}`] : []),
    "",
    "Next, in another terminal, in this directory:",
    `${elsewhere}  ${signet} publish --env dev -f ${policy}`,
    `  ${signet} promote --from dev`,
    `  ${signet} bundles --env staging`,
    "",
  ].join("\n");
}
