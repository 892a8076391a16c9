import { line } from "../../core/printable.js";
import { formatMessage, type Bundle } from "../../sdk/index.js";
import type { Shell } from "../shell/shell.js";
import { formatFacts, formatTime, type Fact } from "../shell/table.js";

/** The facts about a bundle that a person sees, in order; absent ones are undefined or empty. */
export function bundleFacts(bundle: Omit<Bundle, "$typeName" | "warnings">): readonly Fact[] {
  const labels = Object.entries(bundle.labels).map(([key, value]) => `${key}=${value}`);
  const { repository = "", revision = "", url = "" } = bundle.source ?? {};
  return [
    ["version", bundle.version],
    ["active", bundle.isActive],
    ["sequence", bundle.sequence],
    ["policy hash", bundle.policyHash],
    ["origin", bundle.origin],
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

/** Answers with the bundle that a command created or activated; `done` is the past participle that begins the text. */
export function answerBundle(shell: Shell, done: string, envName: string, bundle: Bundle): void {
  for (const warning of bundle.warnings) shell.notice(line`${warning}`);
  const facts = bundleFacts(bundle).filter(([, value]) => value !== undefined && value !== "");
  shell.answer(
    () => formatMessage(bundle),
    () => line`${done} version ${bundle.version} in ${envName}\n` + formatFacts(facts),
  );
}
