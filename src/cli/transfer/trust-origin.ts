import type { Command } from "commander";
import { formatPublicKey } from "../../bundle/keys.js";
import { SignetError, type TrustedOrigin } from "../../sdk/index.js";
import { answerChange, answerPage, answerRow, withPage, type PageOptions } from "../shell/answers.js";
import { examples } from "../shell/help.js";
import { inSession, type Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatTime, type Column } from "../shell/table.js";
import { readKeys } from "../shell/trusted-keys.js";

const HELP = `
The keys come another way than the exports: whoever can replace both can forge them. Compare the fingerprints with those that
signet keys shows at the other site.`;

const COLUMNS: readonly Column<TrustedOrigin>[] = [
  ["NAME", ({ name }) => name],
  ["ADDED", ({ createdAt }) => formatTime(createdAt)],
  ["BY", ({ createdBy }) => createdBy],
  ["FINGERPRINTS", ({ keys }) => keys.map(({ fingerprint }) => fingerprint).join(" ")],
];

/** `signet trust-origin`: the sites whose exports an organization imports. */
export function addTrustOrigin(program: Command, shell: Shell): void {
  const group = program
    .command("trust-origin")
    .description("choose the sites whose exports may be imported")
    .addHelpText("after", examples("signet trust-origin list", "signet trust-origin add factory --keys factory.pem"));
  group
    .command("add")
    .description("trust the exports that are signed with the keys of a file")
    .argument("<name>", "name for the site")
    .requiredOption("--keys <file>", "public keys of the site (PEM), as signet keys --pem writes them there")
    .addHelpText("after", HELP)
    .addHelpText("after", examples("signet trust-origin add headquarters --keys headquarters.pem"))
    .action(
      inSession(shell, async (session, name: string, { keys }: { keys: string }) => {
        const publicKeyPems = (await readKeys(keys, shell)).map(({ bytes }) => formatPublicKey(bytes));
        const request = { orgId: await session.orgId(), name, publicKeyPems };
        answerRow(shell, await session.client.transfers.createTrustedOrigin(request), COLUMNS);
      }),
    );
  withPage(group.command("list", { isDefault: true }))
    .description("list the trusted sites")
    .addHelpText("after", examples("signet trust-origin list"))
    .action(
      inSession(shell, async (session, { limit, offset }: PageOptions) => {
        const orgId = await session.orgId();
        const page = await session.client.transfers.listTrustedOrigins({ orgId, limit, offset });
        answerPage(shell, page, offset, COLUMNS);
      }),
    );
  group
    .command("remove")
    .description("end the trust in a site; what was imported from it stays")
    .argument("<name>", "name or id of the site")
    .addHelpText("after", examples("signet trust-origin remove headquarters"))
    .action(
      inSession(shell, async (session, name: string) => {
        const orgId = await session.orgId();
        const origin = await findOrigin(session, orgId, name);
        await session.client.transfers.deleteTrustedOrigin({ orgId, originId: origin.id });
        answerChange(shell, "removed", "trusted origin", origin.name);
      }),
    );
}

/** An organization has at most 50. */
async function findOrigin(session: Session, orgId: string, wanted: string): Promise<TrustedOrigin> {
  const { data } = await session.client.transfers.listTrustedOrigins({ orgId, limit: 100 });
  const found = data.find(({ id, name }) => name === wanted.normalize("NFC") || id === wanted);
  if (found !== undefined) return found;
  const names = data.map(({ name }) => name).join(", ");
  throw new SignetError(
    "not_found",
    `trusted origin "${wanted}" not found; existing: ${names === "" ? "none" : names}`,
  );
}
