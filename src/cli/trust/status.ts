import type { Command } from "commander";
import { formatMessage, type EnvironmentTrust, type ProjectTrust } from "../../sdk/index.js";
import { examples } from "../shell/help.js";
import { inSession } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatFacts, formatTable, formatTime, type Column } from "../shell/table.js";

/** `signet trust status`: how a server and its environments stand under the newest root. */
export function addTrustStatus(trust: Command, shell: Shell): void {
  trust
    .command("status")
    .description("show the newest root on the server, and how each environment stands under it")
    .addHelpText("after", examples("signet trust status", "signet trust status --project shop --json"))
    .action(
      inSession(shell, async (session) => {
        const found = await session.client.trust.getTrust(await session.project());
        shell.answer(
          () => formatMessage(found),
          () => inWords(found, shell),
        );
      }),
    );
}

function inWords(found: ProjectTrust, shell: Shell): string {
  const { root, serverKeys, environments, warnings } = found;
  const names = new Map(
    [...(root?.keys ?? []), ...serverKeys].map(({ keyId, name }) => [keyId, name ?? keyId.slice(0, 16)]),
  );
  const namesOf = (ids: readonly string[]) => ids.map((id) => names.get(id) ?? id.slice(0, 16)).join(", ");
  const facts = formatFacts([
    ["root", root?.version ?? "none: signet trust init"],
    ["expires", formatTime(root?.expiresAt)],
    ["signed by", root && namesOf(root.signedBy)],
    ["digest", root?.digest],
    ["server signs with", namesOf(serverKeys.map(({ keyId }) => keyId))],
  ]);
  const columns: readonly Column<EnvironmentTrust>[] = [
    ["ENVIRONMENT", ({ environment }) => environment],
    ["AUTHORS", (it) => (it.releaseThreshold === 0 ? null : `${it.releaseThreshold} of ${namesOf(it.releaseKeyIds)}`)],
    ["SEQUENCE", ({ sequence }) => sequence],
    ["RELEASE", ({ releaseDigest }) => releaseDigest?.slice(0, 16)],
    ["RELEASED UNTIL", ({ releaseExpiresAt }) => formatTime(releaseExpiresAt)],
    ["PROBLEM", ({ problem }) => problem],
  ];
  const table = formatTable(environments, columns, shell.tableStyle);
  return `${facts}${table}${warnings.map((warning) => `warning: ${warning}\n`).join("")}`;
}
