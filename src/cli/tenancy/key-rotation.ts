import { Option, type Command } from "commander";
import { defined } from "../../core/defined.js";
import { line } from "../../core/printable.js";
import {
  formatMessage,
  SignetError,
  type Key,
  type KeyRotation,
  type UnnamingProject,
  type UntrustingInstance,
} from "../../sdk/index.js";
import { withReason, type ReasonOption } from "../shell/confirmation.js";
import { examples } from "../shell/help.js";
import { inSession } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatFacts, formatTable, formatTime, type Column, type Fact } from "../shell/table.js";
import { fingerprint } from "../shell/trusted-keys.js";

/** `signet keys rotate`, `status`, `activate`, `withdraw`, `retire`: the change of the key for bundles, or for attestation. */
export function addKeyRotation(keys: Command, shell: Shell): void {
  withReason(withPurpose(keys.command("rotate")))
    .description("announce the next key: create and list it, so that runtimes can be told to trust it")
    .option(
      "--now",
      "replace an attestation key at once, after a leak: its runtimes then need a root that names the new one",
    )
    .addHelpText(
      "after",
      `
The key signs nothing until signet keys activate. Give both keys to the runtimes (signet keys --pem), and look at signet keys status.
An attestation key is named by root documents instead: publish roots that name both keys, activate, publish roots without the old one,
retire. Needs an admin token of the operator's organization.
` + examples("signet keys --pem > keys.pem", "signet keys rotate", "signet keys rotate --purpose attestation"),
    )
    .action(
      inSession(shell, async (session, options: ReasonOption & PurposeOption & { now?: true }) => {
        const { reason, purpose, now } = options;
        const request = { activate: now === true, ...defined({ reason, purpose }) };
        const rotation = await session.client.keys.rotateKey(request);
        if (now === true) {
          answerRotation(shell, `activated ${rotation.current?.keyId ?? ""}\n`, rotation);
          shell.notice("next: publish a root for every project that names it for activations and leases");
          return;
        }
        answerRotation(shell, `announced ${rotation.next?.keyId ?? ""}\n`, rotation);
        shell.notice(
          rotation.purpose === "attestation"
            ? "next: publish a root for every project that names both keys, then signet keys activate --purpose attestation"
            : "next: give it to every runtime (signet keys --pem), then signet keys activate",
        );
      }),
    );
  withPurpose(keys.command("status"))
    .description(
      "show the current and the announced key, and the live instances, or the roots, that do not trust the announced one",
    )
    .addHelpText("after", examples("signet keys status", "signet keys status --purpose attestation --json"))
    .action(
      inSession(shell, async (session, { purpose }: PurposeOption) => {
        answerRotation(shell, "", await session.client.keys.getKeyRotation(defined({ purpose })));
      }),
    );
  withReason(withPurpose(keys.command("activate")))
    .description("sign with the announced key from now on, without a restart")
    .argument("[key-id]", "id of the announced key (default: the announced one)")
    .option(
      "--force",
      "also while live instances do not trust it, or did not report, or roots do not name it: they will reject new versions",
    )
    .addHelpText(
      "after",
      `
Versions keep their signatures: publish or promote in each environment, and an active bundle has the new one. The private key before is
deleted; its public half stays listed until signet keys retire. Exit code 5 while live instances do not trust the key.
An attestation key signs all activations and leases from then on. Exit code 5 while the newest root of a project does not name it.
` +
        examples(
          "signet keys activate",
          "signet keys activate --purpose attestation",
          'signet keys activate 5bd0f1ac31d0d6e2 --force --reason "the old key leaked"',
        ),
    )
    .action(
      inSession(
        shell,
        async (session, keyId: string | undefined, options: ReasonOption & PurposeOption & { force?: true }) => {
          const { purpose } = options;
          const announced = keyId ?? (await session.client.keys.getKeyRotation(defined({ purpose }))).next?.keyId ?? "";
          if (announced === "") throw new SignetError("not_found", "no key is announced: signet keys rotate");
          const request = { keyId: announced, force: options.force === true, ...defined({ reason: options.reason }) };
          answerRotation(shell, line`activated ${announced}\n`, await session.client.keys.activateKey(request));
        },
      ),
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
    .option("--force", "of an attestation key: also while roots name it, so that runtimes still take what it signs")
    .addHelpText(
      "after",
      `
Its versions cannot be activated or promoted any more; publish their content again. Refused (exit code 5) while the active bundle of an
environment is signed with it, or the newest root of a project names it.
` + examples('signet keys retire 5bd0f1ac31d0d6e2 --reason "replaced in May"'),
    )
    .action(
      inSession(shell, async (session, keyId: string, { reason, force }: ReasonOption & { force?: true }) => {
        const rotation = await session.client.keys.retireKey({ keyId, force: force === true, ...defined({ reason }) });
        answerRotation(shell, line`retired ${keyId}\n`, rotation);
      }),
    );
}

interface PurposeOption {
  readonly purpose?: string;
}

function withPurpose(command: Command): Command {
  return command.addOption(
    new Option("--purpose <purpose>", "which key (default: bundles)").choices(["bundles", "attestation"]),
  );
}

function answerRotation(shell: Shell, done: string, rotation: KeyRotation): void {
  const { current, next, trust, otherOrganizations, instances, roots, otherRoots, projects } = rotation;
  const about = (key: Key | undefined) => (key === undefined ? "none" : `${key.keyId}  ${fingerprint(key)}`);
  const counts = ({ live, trusting, notTrusting, unknown }: NonNullable<typeof trust>) =>
    `${live} live: ${trusting} trust the next key, ${notTrusting} do not, ${unknown} did not say`;
  const named = ({ naming, notNaming }: NonNullable<typeof roots>) =>
    `${naming} name the next key, ${notNaming} do not for all activations and leases`;
  shell.answer(
    () => formatMessage(rotation),
    () => {
      const facts: Fact[] = [
        ["current", about(current)],
        ["next", about(next)],
      ];
      if (next !== undefined && roots !== undefined) facts.push(["roots", named(roots)]);
      else if (next !== undefined && trust !== undefined) facts.push(["instances", counts(trust)]);
      if (next !== undefined && otherRoots !== undefined) facts.push(["of other organizations", named(otherRoots)]);
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
      const unnaming: readonly Column<UnnamingProject>[] = [
        ["PROJECT", ({ project }) => project],
        ["ROOT", ({ rootVersion }) => String(rootVersion)],
        ["PROBLEM", ({ reason }) => reason],
      ];
      const rows =
        (instances.length === 0 ? "" : formatTable(instances, columns, shell.tableStyle)) +
        (projects.length === 0 ? "" : formatTable(projects, unnaming, shell.tableStyle));
      return `${done}${formatFacts(facts)}${rows}`;
    },
  );
}
