import { JSON_POLICIES, OPA_POLICIES } from "../../core/bundle.js";
import { line } from "../../core/printable.js";
import { formatMessage, type Bundle, type BundleChange } from "../../sdk/index.js";
import type { Shell } from "../shell/shell.js";
import { formatFacts, formatTime, type Fact } from "../shell/table.js";
import { formatDifference } from "./difference-output.js";

/** The facts about a bundle that a person sees, in order; absent ones are undefined or empty. */
export function bundleFacts(bundle: Omit<Bundle, "$typeName" | "change" | "warnings">): readonly Fact[] {
  const labels = Object.entries(bundle.labels).map(([key, value]) => `${key}=${value}`);
  const { repository = "", revision = "", url = "" } = bundle.source ?? {};
  return [
    ["version", bundle.version],
    ["active", bundle.isActive],
    ["sequence", bundle.sequence],
    ["policy hash", bundle.policyHash],
    ["origin", bundle.origin],
    ["kind", kindOf(bundle.mediaType)],
    ["published", formatTime(bundle.publishedAt)],
    ["published by", bundle.publishedBy],
    ["title", bundle.title],
    ["description", bundle.description],
    ["labels", labels.join(", ")],
    ["source", [repository, revision, url].filter((part) => part !== "").join(" ")],
    ["deployment", bundle.deploymentId],
    ["id", bundle.id],
  ];
}

/** What the policies of a bundle are, in a word. */
export function kindOf(mediaType: string): string {
  if (mediaType === JSON_POLICIES) return "json";
  return mediaType === OPA_POLICIES ? "opa" : mediaType;
}

/**
 * Answers with the bundle that a command created or activated; `done` is the past participle that begins the text. `files` is the difference
 * of a dry run by files, null for one that is told value by value.
 */
export function answerBundle(
  shell: Shell,
  done: string,
  envName: string,
  bundle: Bundle,
  files: string | null = null,
): void {
  for (const warning of bundle.warnings) shell.notice(line`${warning}`);
  const { change } = bundle;
  shell.answer(
    () => formatMessage(bundle),
    () =>
      change?.dryRun === true
        ? dryRunText(done, envName, bundle, change, { color: shell.color, files })
        : madeText(done, envName, bundle),
  );
  if (change?.unchanged === true && !change.skipped && !change.dryRun) shell.notice(UNCHANGED);
}

const UNCHANGED =
  "nothing changed: the content is that of the version that was active; --skip-unchanged makes no version of it";

function madeText(done: string, envName: string, bundle: Bundle): string {
  const facts = bundleFacts(bundle).filter(([, value]) => value !== undefined && value !== "");
  const title =
    bundle.change?.skipped === true
      ? line`nothing changed: version ${bundle.version} in ${envName} has this content and stays active\n`
      : line`${done} version ${bundle.version} in ${envName}\n`;
  return title + formatFacts(facts);
}

function dryRunText(done: string, envName: string, bundle: Bundle, change: BundleChange, shown: ShownAs): string {
  const title = change.skipped
    ? line`dry run: version ${bundle.version} in ${envName} has this content and would stay active\n`
    : line`dry run: would have ${done} version ${bundle.version} in ${envName}\n`;
  return title + formatChange(change, shown);
}

/** How a change is shown: `files` as of {@link answerBundle}. */
export interface ShownAs {
  readonly color: boolean;
  readonly files?: string | null;
}

/** What a dry run says of a change: the difference from what is active, and the quota. */
export function formatChange({ difference, unchanged, quota }: BundleChange, { color, files }: ShownAs): string {
  const values =
    difference === undefined ? "the difference is too large to show\n" : formatDifference(difference, color);
  const differs = files ?? values;
  const limit = quota?.limit === undefined ? "no limit" : `of at most ${quota.limit}`;
  const kept = quota === undefined ? "" : `versions kept before: ${quota.kept}, ${limit}\n`;
  return (unchanged ? "no difference: the content is that of the active version\n" : differs) + kept;
}
