import { existsSync } from "node:fs";
import { Option, type Command } from "commander";
import { roleRule, ROLES, type Role, type Root } from "../../bundle/trust/root.js";
import { DIGEST, ENVIRONMENT } from "../../bundle/trust/forms.js";
import { payloadDigest } from "../../bundle/trust/threshold.js";
import { InputError, UsageError } from "../shell/cli-error.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import type { Shell } from "../shell/shell.js";
import { readTextFile } from "../shell/text-files.js";
import { changeDraft, DRAFT_HELP, withDraft, type DraftOptions } from "./draft.js";
import { findKey, readPublicKey } from "./public-keys.js";
import { plusKey, withKey, withoutKey, withRule } from "./root-edits.js";

interface EditOptions extends DraftOptions {
  /** Of the program: an environment whose own rule is meant. */
  readonly env?: string;
}

const HELP = `${DRAFT_HELP}\n`;

/** `signet trust add-key`, `remove-key`, `threshold`, `rule`, `revoke`, `renew`: what the next version of a root changes. */
export function addEdits(trust: Command, shell: Shell): void {
  addAddKey(trust, shell);
  addRemoveKey(trust, shell);
  addThreshold(trust, shell);
  addRule(trust, shell);
  addRevoke(trust, shell);
  withDraft(trust.command("renew"))
    .description("begin the next version with a later end, without another change")
    .addHelpText("after", HELP + examples("signet trust renew", "signet trust renew --expires 2y"))
    .action(async (options: DraftOptions) => await changeDraft(shell, options, (root) => root));
}

function addAddKey(trust: Command, shell: Shell): void {
  withDraft(trust.command("add-key"))
    .description("let a key sign roots, releases, activations or leases")
    .argument("<file>", "public key (PEM); of a private key its public half")
    .addOption(rolesOption("what it may sign").makeOptionMandatory())
    .option("--name <name>", "whose key it is, for people (default: the file's name)")
    .addHelpText(
      "after",
      HELP +
        examples(
          "signet trust add-key alice.pub --role release",
          "signet trust add-key bob.pub --role root release --name bob",
          "signet trust add-key carol.pub --role release --env prod",
        ),
    )
    .action(async (file: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<EditOptions & { role: readonly Role[]; name?: string }>();
      const environment = environmentOf(options);
      const found = await readPublicKey(file, shell);
      await changeDraft(shell, options, (begun) => {
        const { root, keyid } = withKey(begun, { key: found.key, name: options.name ?? found.name });
        return options.role.reduce(
          (next, role) => withRule(next, role, environment, plusKey(roleRule(next, role, environment), keyid)),
          root,
        );
      });
      if (!shell.json && options.role.includes("release")) {
        shell.notice("signatures of authors count once signet trust threshold release says how many it takes");
      }
    });
}

function addRemoveKey(trust: Command, shell: Shell): void {
  withDraft(trust.command("remove-key"))
    .description("let a key sign nothing any more, or not some of it")
    .argument("<key>", "name, start of the id, or file of the key")
    .addOption(rolesOption("what it may sign no longer (default: anything)"))
    .addHelpText(
      "after",
      HELP + examples("signet trust remove-key bob", "signet trust remove-key bob --role release --env prod"),
    )
    .action(async (wanted: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<EditOptions & { role?: readonly Role[] }>();
      const environment = environmentOf(options);
      await changeDraft(shell, options, async (root) =>
        withoutKey(root, await findKey(root, wanted, shell), options.role ?? ROLES, environment),
      );
    });
}

function addThreshold(trust: Command, shell: Shell): void {
  withDraft(trust.command("threshold"))
    .description("set how many keys must sign")
    .addArgument(trust.createArgument("<role>", "what is signed").choices(ROLES))
    .argument("<count>", "distinct keys; 0 for release alone: none is needed", wholeNumber(0, 32))
    .addHelpText(
      "after",
      HELP + examples("signet trust threshold release 2", "signet trust threshold release 3 --env prod"),
    )
    .action(async (role: Role, threshold: number, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<EditOptions>();
      const environment = environmentOf(options);
      await changeDraft(shell, options, (root) =>
        withRule(root, role, environment, { ...roleRule(root, role, environment), threshold }),
      );
    });
}

interface RuleOptions extends EditOptions {
  readonly keys?: readonly string[];
  readonly threshold?: number;
  readonly remove?: true;
  readonly rollback?: Root["rollback"];
}

function addRule(trust: Command, shell: Shell): void {
  withDraft(trust.command("rule"))
    .description("set who signs, everywhere or with --env in one environment, or how far back the server may go")
    .addArgument(trust.createArgument("[role]", "what is signed").choices(ROLES))
    .option("--keys <keys...>", "the keys that may sign, instead of those before: names, ids or files")
    .option("--threshold <count>", "how many of them must", wholeNumber(0, 32))
    .option("--remove", "with --env: follow the rule for all environments again")
    .addOption(
      new Option("--rollback <by>", "server: to any released content; release: only by a new release").choices([
        "server",
        "release",
      ]),
    )
    .addHelpText(
      "after",
      HELP +
        examples(
          "signet trust rule release --env prod --keys alice bob carol --threshold 2",
          "signet trust rule release --env prod --remove",
          "signet trust rule --rollback release",
        ),
    )
    .action(async (role: Role | undefined, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<RuleOptions>();
      const environment = environmentOf(options);
      requireRuleUsage(role, environment, options);
      await changeDraft(shell, options, async (begun) => {
        const root = options.rollback === undefined ? begun : { ...begun, rollback: options.rollback };
        return role === undefined ? root : await changedRule(shell, root, role, environment, options);
      });
    });
}

function requireRuleUsage(role: Role | undefined, environment: string | null, options: RuleOptions): void {
  const isChange = options.keys !== undefined || options.threshold !== undefined;
  if (role === undefined && options.rollback === undefined) throw new UsageError("pass a role, or --rollback");
  if (role === undefined && (isChange || options.remove === true || environment !== null)) {
    throw new UsageError("pass the role whose rule it is: root, activation, lease or release");
  }
  if (role !== undefined && !isChange && options.remove !== true) {
    throw new UsageError("pass --keys, --threshold or both, or --remove");
  }
  if (options.remove !== true) return;
  if (isChange) throw new UsageError("--remove goes without --keys and --threshold");
  if (environment === null) throw new UsageError("--remove is for the rule of an environment: pass --env");
}

async function changedRule(
  shell: Shell,
  begun: Root,
  role: Role,
  environment: string | null,
  { keys, threshold, remove }: RuleOptions,
): Promise<Root> {
  if (remove === true) return withRule(begun, role, environment, null);
  let root = begun;
  const before = roleRule(begun, role, environment);
  const keyIds: string[] = [];
  for (const wanted of keys ?? []) {
    // A file of a new key brings its name; of a known one it does not change the name.
    if (existsSync(wanted)) {
      const found = await readPublicKey(wanted, shell);
      const added = withKey(root, found);
      root = root.keys.has(added.keyid) ? root : added.root;
      keyIds.push(added.keyid);
    } else keyIds.push(await findKey(root, wanted, shell));
  }
  const chosen = keys === undefined ? before.keyIds : [...new Set(keyIds)];
  return withRule(root, role, environment, { threshold: threshold ?? before.threshold, keyIds: chosen });
}

function addRevoke(trust: Command, shell: Shell): void {
  withDraft(trust.command("revoke"))
    .description("forbid a content or a release: runtimes stop to enforce it")
    .argument("<digest>", "policy_hash of a content, digest of a release, or the file of a release")
    .option("--undo", "allow it again")
    .addHelpText(
      "after",
      HELP +
        examples(
          "signet trust revoke sha256:5d41402abc4b2a76b9719d911017c592ae2c4f8f8e2b7c1d5c1a9e0f3b6d7a81",
          "signet trust revoke release.json",
        ),
    )
    .action(async (wanted: string, options: DraftOptions & { undo?: true }) => {
      const digest = await digestOf(wanted, shell);
      await changeDraft(shell, options, (root) => {
        const has = root.revoked.includes(digest);
        if (has !== (options.undo === true)) {
          throw new InputError(has ? `${digest} is revoked already` : `${digest} is not revoked`);
        }
        return { ...root, revoked: has ? root.revoked.filter((it) => it !== digest) : [...root.revoked, digest] };
      });
    });
}

async function digestOf(wanted: string, shell: Shell): Promise<string> {
  const digest = wanted.replace(/^sha256:/, "");
  if (DIGEST.test(digest)) return digest;
  if (existsSync(wanted)) return payloadDigest((await readTextFile(wanted, shell.io)).trim());
  throw new InputError(`"${wanted}" is neither a SHA-256 of 64 lower-case hex digits nor a file`);
}

function rolesOption(description: string): Option {
  return new Option("--role <roles...>", description).choices(ROLES);
}

function environmentOf({ env }: EditOptions): string | null {
  if (env === undefined) return null;
  if (!ENVIRONMENT.test(env)) throw new UsageError(`"${env}" is not the name of an environment`);
  return env;
}
