import type { Command } from "commander";
import { formatMessage, type BundleOrigin, type OriginDeployment } from "../../sdk/index.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { inSession, type Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatFacts, formatTable, formatTime, type Column } from "../shell/table.js";

const DEPLOYMENTS: readonly Column<OriginDeployment>[] = [
  ["SEQUENCE", ({ sequence }) => sequence],
  ["KIND", ({ kind }) => kind],
  ["AT", ({ at }) => formatTime(at)],
  ["BY", ({ actor, actorName }) => actorName ?? actor],
  ["REASON", ({ reason }) => reason],
];

/** `signet bundles origin`: where an imported version is from. */
export function addOrigin(bundles: Command, shell: Shell): void {
  bundles
    .command("origin")
    .description("show where an imported version is from; with --json also the original document and its provenance")
    .argument("<version>", "version number", wholeNumber(1))
    .addHelpText("after", examples("signet bundles origin 3 --env prod"))
    .action(inSession(shell, (session, version: number) => showOrigin(session, shell, version)));
}

async function showOrigin(session: Session, shell: Shell, version: number): Promise<void> {
  const details = await session.inEnvironment((environment) =>
    session.client.transfers.getBundleOrigin({ ...environment, version }),
  );
  const { origin } = details;
  shell.answer(
    () => formatMessage(details),
    () => (origin === undefined ? "" : inWords(origin, shell)),
  );
}

function inWords(origin: BundleOrigin, shell: Shell): string {
  const facts = formatFacts([
    ["trusted origin", origin.name],
    ["server", [origin.serverUrl, origin.serverVersion].filter(Boolean).join(" ")],
    ["organization", `${origin.orgName} ${origin.orgId}`],
    ["project", `${origin.projectName} ${origin.projectId}`],
    ["environment", origin.environment],
    ["version", origin.version],
    ["policy hash", origin.policyHash],
    ["published", formatTime(origin.publishedAt)],
    ["published by", origin.publishedBy],
    ["document SHA-256", origin.documentSha256],
    ["signed by", origin.keyId],
    ["imported", formatTime(origin.importedAt)],
    ["imported by", origin.importedBy],
  ]);
  if (origin.deployments.length === 0) return `${facts}never active there\n`;
  return `${facts}activations there\n${formatTable(origin.deployments, DEPLOYMENTS, shell.tableStyle)}`;
}
