import type { Command } from "commander";
import { defined } from "../../core/defined.js";
import { line } from "../../core/printable.js";
import { formatMessage, SignetError, type Key, type KeyRotation, type UntrustingInstance } from "../../sdk/index.js";
import { withReason, type ReasonOption } from "../shell/confirmation.js";
import { examples } from "../shell/help.js";
import { inSession } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatFacts, formatTable, formatTime, type Column, type Fact } from "../shell/table.js";
import { fingerprint } from "../shell/trusted-keys.js";

/** `signet keys rotate`, `status`, `activate`, `withdraw`, `retire`: the change of the server's signing key. */
export function addKeyRotation(keys: Command, shell: Shell): void {
  withReason(keys.command("rotate"))
    .description("announce the next bundle key: create and list it, so that runtimes can be told to trust it")
    .addHelpText(
      "after",
      `
The key signs nothing until signet keys activate. Give both keys to the runtimes (signet keys --pem), and look at signet keys status.
Needs an admin token of the operator's organization.
` + examples("signet keys --pem > keys.pem", "signet keys rotate"),
    )
    .action(
      inSession(shell, async (session, { reason }: ReasonOption) => {
        const rotation = await session.client.keys.rotateKey(defined({ reason }));
        answerRotation(shell, `announced ${rotation.next?.keyId ?? ""}\n`, rotation);
        shell.notice("next: give it to every runtime (signet keys --pem), then signet keys activate");
      }),
    );
  keys
    .command("status")
    .description("show the current and the announced key, and the live instances that do not trust the announced one")
    .addHelpText("after", examples("signet keys status", "signet keys status --json"))
    .action(
      inSession(shell, async (session) => {
        answerRotation(shell, "", await session.client.keys.getKeyRotation({}));
      }),
    );
  withReason(keys.command("activate"))
    .description("sign with the announced key from now on, without a restart")
    .argument("[key-id]", "id of the announced key (default: the announced one)")
    .option("--force", "also while live instances do not trust it, or did not report: they will reject new versions")
    .addHelpText(
      "after",
      `
Versions keep their signatures: publish or promote in each environment, and an active bundle has the new one. The private key before is
deleted; its public half stays listed until signet keys retire. Exit code 5 while live instances do not trust the key.
` + examples("signet keys activate", 'signet keys activate 5bd0f1ac31d0d6e2 --force --reason "the old key leaked"'),
    )
    .action(
      inSession(shell, async (session, keyId: string | undefined, options: ReasonOption & { force?: true }) => {
        const announced = keyId ?? (await session.client.keys.getKeyRotation({})).next?.keyId ?? "";
        if (announced === "") throw new SignetError("not_found", "no key is announced: signet keys rotate");
        const request = { keyId: announced, force: options.force === true, ...defined({ reason: options.reason }) };
        answerRotation(shell, line`activated ${announced}\n`, await session.client.keys.activateKey(request));
      }),
    );
  withReason(keys.command("withdraw"))
    .description("take the announcement of the next key back")
    .argument("<key-id>", "id of the announced key")
    .addHelpText("after", examples("signet keys withdraw 5bd0f1ac31d0d6e2"))
    .action(
      inSession(shell, async (session, keyId: string, { reason }: ReasonOption) => {
        const rotation = await session.client.keys.withdrawKey({ keyId, ...defined({ reason }) });
        answerRotation(shell, line`withdrew ${keyId}\n`, rotation);
      }),
    );
  withReason(keys.command("retire"))
    .description("accept nothing any more that a previous key signed; cannot be undone")
    .argument("<key-id>", "id of a previous key of the server")
    .addHelpText(
      "after",
      `
Its versions cannot be activated or promoted any more; publish their content again. Refused (exit code 5) while the active bundle of an
environment is signed with it.
` + examples('signet keys retire 5bd0f1ac31d0d6e2 --reason "replaced in May"'),
    )
    .action(
      inSession(shell, async (session, keyId: string, { reason }: ReasonOption) => {
        const rotation = await session.client.keys.retireKey({ keyId, ...defined({ reason }) });
        answerRotation(shell, line`retired ${keyId}\n`, rotation);
      }),
    );
}

function answerRotation(shell: Shell, done: string, rotation: KeyRotation): void {
  const { current, next, trust, otherOrganizations, instances } = rotation;
  const about = (key: Key | undefined) => (key === undefined ? "none" : `${key.keyId}  ${fingerprint(key)}`);
  const counts = ({ live, trusting, notTrusting, unknown }: NonNullable<typeof trust>) =>
    `${live} live: ${trusting} trust the next key, ${notTrusting} do not, ${unknown} did not say`;
  shell.answer(
    () => formatMessage(rotation),
    () => {
      const facts: Fact[] = [
        ["current", about(current)],
        ["next", about(next)],
      ];
      if (next !== undefined && trust !== undefined) facts.push(["instances", counts(trust)]);
      if (next !== undefined && otherOrganizations !== undefined) {
        facts.push(["of other organizations", counts(otherOrganizations)]);
      }
      const columns: readonly Column<UntrustingInstance>[] = [
        ["ENVIRONMENT", ({ environment }) => environment],
        ["INSTANCE", ({ instanceId }) => instanceId],
        ["TRUSTS", ({ trustedKeyIds }) => (trustedKeyIds.length === 0 ? "did not say" : trustedKeyIds.join(" "))],
        ["NEEDS", ({ keyId }) => keyId],
        ["LAST SEEN", ({ lastSeen }) => formatTime(lastSeen)],
      ];
      const rows = instances.length === 0 ? "" : formatTable(instances, columns, shell.tableStyle);
      return `${done}${formatFacts(facts)}${rows}`;
    },
  );
}
