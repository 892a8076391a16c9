import type { VerifiedPack } from "../source/environment-pack.js";
import { fileTarget } from "./file-target.js";
import type { Pending } from "./journal.js";
import type { OutputLog } from "./output-log.js";
import { OutputError } from "./output-error.js";
import { outputVariables, type OutputRule } from "./output-rule.js";
import { setTarget } from "./set-target.js";
import { forget, keepBefore, restore, type Staged, type Target } from "./target.js";

/** What an activation changes at the paths of the outputs: staged beside them, and then put in place. Its methods throw OutputError. */
export class Change {
  private constructor(
    private readonly parts: readonly { readonly target: Target; readonly staged: Staged | null }[],
    private readonly log: OutputLog,
  ) {}

  /**
   * Writes what is new beside the outputs, through to the disk.
   *
   * @throws what `document` throws, too, when the server does not send it
   */
  static async stage(
    rules: readonly OutputRule[],
    pack: VerifiedPack,
    log: OutputLog,
    signal: AbortSignal,
  ): Promise<Change> {
    const parts: { target: Target; staged: Staged | null }[] = [];
    try {
      for (const rule of rules) {
        const target = await targetOf(rule, pack, signal);
        parts.push({ target, staged: await target.stage() });
        log.debug({ path: rule.path }, "staged");
      }
    } catch (thrown) {
      await new Change(parts, log).discard();
      throw thrown;
    }
    return new Change(parts, log);
  }

  /** Whether any output changes. */
  get isAny(): boolean {
    return this.parts.some(({ staged }) => staged !== null);
  }

  /** Where the content of each output can be read before it is in place. */
  get stagedPaths(): readonly string[] {
    return this.parts.map(({ target, staged }) => staged?.path ?? target.path);
  }

  /**
   * Keeps what is at the paths that change.
   *
   * @param known what an interrupted change kept: it knows how they were before that one
   */
  async keep(known: Pending["before"]): Promise<Pending["before"]> {
    const paths = new Set(this.parts.map(({ target }) => target.path));
    const kept = known.filter(({ path }) => paths.has(path));
    const before = [...kept];
    for (const { target, staged } of this.parts) {
      if (staged === null || kept.some(({ path }) => path === target.path)) continue;
      before.push({ path: target.path, before: await keepBefore(target.path) });
      this.log.debug({ path: target.path }, "kept");
    }
    return before;
  }

  /** Puts the new content in place, one output after the other. */
  async commit(): Promise<void> {
    for (const { target, staged } of this.parts) {
      if (staged === null) continue;
      await staged.commit();
      this.log.debug({ path: target.path }, "replaced");
    }
  }

  /** Removes what was not put in place. Never rejects. */
  async discard(): Promise<void> {
    for (const { staged } of this.parts) await staged?.discard().catch(() => undefined);
  }
}

/** Puts back what was before a change. */
export async function restoreAll(before: Pending["before"], log: OutputLog): Promise<void> {
  for (const { path, before: was } of before.toReversed()) {
    await restore(path, was);
    log.debug({ path }, "put back");
  }
}

/** Gives up what was kept. Never rejects: the next start removes it too. */
export async function forgetAll(before: Pending["before"]): Promise<void> {
  for (const { before: was } of before) await forget(was).catch(() => undefined);
}

/** The variables that say where outputs are. */
export function pathVariables(
  rules: readonly OutputRule[],
  paths: readonly string[] = rules.map(({ path }) => path),
): Readonly<Record<string, string>> {
  return Object.fromEntries(outputVariables(rules).map((name, index) => [name, paths[index] ?? ""]));
}

async function targetOf(rule: OutputRule, pack: VerifiedPack, signal: AbortSignal): Promise<Target> {
  if (rule.kind === "document") return fileTarget(rule, await pack.document(signal));
  if (rule.kind === "content") return fileTarget(rule, pack.content);
  if (rule.kind === "policies") return fileTarget(rule, await pack.policies(signal));
  try {
    return setTarget(rule, pack.opaFiles(), pack.sequence);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new OutputError(`there is no set of files in version ${pack.version}: ${why}`, false, thrown);
  }
}
