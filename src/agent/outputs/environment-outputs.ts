import { TrustError } from "../../bundle/trust/trust-error.js";
import type { VerifiedPack } from "../source/environment-pack.js";
import { Change, forgetAll, pathVariables, restoreAll } from "./change.js";
import { runCommand, type CommandResult, type CommandRule } from "./command.js";
import { removeLeftovers } from "./disk.js";
import type { Applied, Journal, JournalState, Pending } from "./journal.js";
import type { OutputLog } from "./output-log.js";
import { OutputError } from "./output-error.js";
import type { OutputRule } from "./output-rule.js";
import { pruneSets } from "./set-target.js";

/** The outputs and commands of an environment. */
export interface OutputsOptions {
  readonly rules: readonly OutputRule[];
  /** Run on the new files before they are put in place; null: none. */
  readonly check: CommandRule | null;
  /** Run after they are; null: none. */
  readonly run: CommandRule | null;
  readonly journal: Journal;
  readonly log: OutputLog;
  /** What commands inherit; asked for each. */
  readonly inherited: () => Readonly<Record<string, string>>;
  /** Ends commands that run. */
  readonly signal: AbortSignal;
}

/** The result of applying an activation. */
export type Outcome =
  | { readonly state: "applied"; /** Whether files or commands had anything to do. */ readonly hasChanged: boolean }
  /** What was before is in place. */
  | {
      readonly state: "rejected";
      readonly reason: string;
      /** Whether trying again can help. */ readonly isTemporary: boolean;
    }
  /** The agent is being stopped. The next start goes on here. */
  | { readonly state: "interrupted" };

/** Commands that failed since the start, by what they were run for; those that the end of the agent cut do not count. */
export type CommandFailures = Readonly<Record<CommandAction, number>>;

type CommandAction = "check" | "apply" | "rollback";

/**
 * The outputs of an environment: files that are replaced together, a command that checks the new ones, and one that makes a program read
 * them. When that one fails, what was before is put back, and it runs again.
 *
 * Each step is in the journal before it is done, so that the next process ends in one of the two states as well.
 */
export class EnvironmentOutputs {
  #commandFailures: CommandFailures = { check: 0, apply: 0, rollback: 0 };

  constructor(private readonly options: OutputsOptions) {}

  get commandFailures(): CommandFailures {
    return this.#commandFailures;
  }

  /** What the outputs have, also from before the start; null: unknown. */
  get applied(): Applied | null {
    return this.options.journal.state.applied;
  }

  /** Removes what a process that was killed left beside the outputs, before anything is applied. Never rejects. */
  async tidy(): Promise<void> {
    const { rules, journal, log } = this.options;
    const { pending } = journal.state;
    const isRuled = (path: string) => rules.some((rule) => rule.path === path);
    const before = (pending?.before ?? []).filter(({ path }) => isRuled(path));
    if (pending !== null && before.length < pending.before.length) {
      // The configuration has changed since: what was at the paths of before stays as it is.
      await forgetAll(pending.before.filter(({ path }) => !isRuled(path)));
      await this.#note({ ...journal.state, pending: { ...pending, before } });
    }
    for (const { kind, path } of rules) {
      const kept = before.find((held) => held.path === path)?.before;
      try {
        await removeLeftovers(path, kept !== undefined);
        if (kind === "files") await pruneSets(path, kept?.was === "link" ? [kept.to] : []);
      } catch (err) {
        log.warn({ err, path }, "cannot clean up beside an output");
      }
    }
  }

  /** Brings outputs and program to an activation. Never rejects. */
  async apply(pack: VerifiedPack): Promise<Outcome> {
    try {
      return await this.#apply(pack);
    } catch (thrown) {
      if (this.options.signal.aborted) return { state: "interrupted" };
      const isTemporary = thrown instanceof OutputError ? thrown.isTemporary : !(thrown instanceof TrustError);
      return { state: "rejected", reason: thrown instanceof Error ? thrown.message : String(thrown), isTemporary };
    }
  }

  async #apply(pack: VerifiedPack): Promise<Outcome> {
    const { rules, journal, log, signal } = this.options;
    const to = appliedOf(pack);
    const interrupted = await this.#endRollback(to);
    if (interrupted !== null) return interrupted;
    const change = await Change.stage(rules, pack, log, signal);
    try {
      const { applied, pending } = journal.state;
      if (!change.isAny && pending === null && !this.#mustRun(to)) {
        await this.#note({ applied: to, rules: this.#rules, pending: null });
        return { state: "applied", hasChanged: false };
      }
      if (this.options.check !== null) {
        const result = await this.#command(this.options.check, "check", to, applied, change.stagedPaths);
        if (result.isInterrupted) return { state: "interrupted" };
        const reason = `the check ${result.reason}`;
        if (!result.isOk && pending !== null) return await this.#rollBack({ ...pending, phase: "rollback", reason });
        if (!result.isOk) return { state: "rejected", reason, isTemporary: false };
      }
      const before = await change.keep(pending?.before ?? []);
      const writing: Pending = { to, phase: "write", before, reason: "" };
      try {
        await journal.write({ ...journal.state, pending: writing });
        log.debug({}, "journal: write");
        await change.commit();
      } catch (thrown) {
        await restoreAll(before, log);
        await this.#note({ ...journal.state, pending: null });
        await this.#clear(before);
        throw thrown;
      }
      return await this.#run(writing);
    } finally {
      await change.discard();
    }
  }

  /** Whether the command is due although the files are as they should be. */
  #mustRun(to: Applied): boolean {
    const { journal, rules } = this.options;
    const { applied, rules: known } = journal.state;
    if (applied === null || known !== this.#rules) return true;
    return rules.length === 0 && (applied.sequence !== to.sequence || applied.deploymentId !== to.deploymentId);
  }

  /** The files are in place. */
  async #run(writing: Pending): Promise<Outcome> {
    const { run, journal, log } = this.options;
    const { applied } = journal.state;
    if (run !== null) {
      await this.#note({ ...journal.state, pending: { ...writing, phase: "command" } });
      log.debug({}, "journal: command");
      const result = await this.#command(run, "apply", writing.to, applied);
      if (result.isInterrupted) return { state: "interrupted" };
      if (!result.isOk)
        return await this.#rollBack({ ...writing, phase: "rollback", reason: `the command ${result.reason}` });
    }
    await this.#note({ applied: writing.to, rules: this.#rules, pending: null });
    log.debug({}, "journal: applied");
    await this.#clear(writing.before);
    return { state: "applied", hasChanged: true };
  }

  /** Puts back what was before, and has the program read that. */
  async #rollBack(failing: Pending): Promise<Outcome> {
    const { run, journal, log } = this.options;
    await this.#note({ ...journal.state, pending: failing });
    log.debug({}, "journal: rollback");
    await restoreAll(failing.before, log);
    const { applied } = journal.state;
    let { reason } = failing;
    if (run !== null) {
      const result = await this.#command(run, "rollback", applied, failing.to);
      if (result.isInterrupted) return { state: "interrupted" };
      if (!result.isOk) reason = `${reason}; after the rollback it ${result.reason}`;
    }
    await this.#note({ ...journal.state, pending: null });
    log.debug({}, "journal: rolled back");
    await this.#clear(failing.before);
    return { state: "rejected", reason, isTemporary: false };
  }

  /** Ends a rollback that was interrupted; null when there is none, or when another activation is there to be applied. */
  async #endRollback(to: Applied): Promise<Outcome | null> {
    const { pending } = this.options.journal.state;
    if (pending?.phase !== "rollback") return null;
    const outcome = await this.#rollBack(pending);
    const isSame = pending.to.sequence === to.sequence && pending.to.deploymentId === to.deploymentId;
    return isSame || outcome.state === "interrupted" ? outcome : null;
  }

  async #command(
    rule: CommandRule,
    action: CommandAction,
    now: Applied | null,
    previous: Applied | null,
    paths?: readonly string[],
  ): Promise<CommandResult> {
    const { rules, inherited, signal, log } = this.options;
    const environment = {
      ...inherited(),
      ...pathVariables(rules, paths),
      SIGNET_ACTION: action,
      ...activationVariables("SIGNET_", now),
      ...activationVariables("SIGNET_PREVIOUS_", previous),
    };
    log.info({ action, command: rule.shown }, "running a command");
    const result = await runCommand(rule, {
      environment,
      signal,
      onLine: (text) => log.info({ action, output: text }, "the command says"),
    });
    if (!result.isOk) log.warn({ action, reason: result.reason }, "a command failed");
    if (!result.isOk && !result.isInterrupted) {
      this.#commandFailures = { ...this.#commandFailures, [action]: this.#commandFailures[action] + 1 };
    }
    return result;
  }

  /** A journal that cannot be written must not undo what is done: the next start repeats the last step. */
  async #note(state: JournalState): Promise<void> {
    await this.options.journal.write(state).catch((err: unknown) => {
      this.options.log.warn({ err }, "cannot keep the state of the outputs");
    });
  }

  /** Gives up what was kept, and sets that nobody needs; the one before stays for readers that are in it. */
  async #clear(before: Pending["before"]): Promise<void> {
    await forgetAll(before);
    for (const { kind, path } of this.options.rules) {
      if (kind !== "files") continue;
      const kept = before.find((held) => held.path === path)?.before;
      if (kept !== undefined) await pruneSets(path, kept.was === "link" ? [kept.to] : []).catch(ignoreForeign);
    }
  }

  get #rules(): string {
    const { rules, check, run } = this.options;
    return JSON.stringify([rules, check?.argv ?? null, run?.argv ?? null]);
  }
}

function appliedOf({ sequence, deploymentId, version, policyHash }: VerifiedPack): Applied {
  return { sequence, deploymentId, version, policyHash };
}

/** Empty where there is none. */
function activationVariables(prefix: string, activation: Applied | null): Readonly<Record<string, string>> {
  return {
    [`${prefix}SEQUENCE`]: String(activation?.sequence ?? ""),
    [`${prefix}VERSION`]: String(activation?.version ?? ""),
    [`${prefix}POLICY_HASH`]: activation?.policyHash ?? "",
    [`${prefix}DEPLOYMENT_ID`]: activation?.deploymentId ?? "",
  };
}

/** Another's file or link at the path is told when the output is written. */
function ignoreForeign(): void {}
