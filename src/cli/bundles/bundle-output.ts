import { line } from "../../core/printable.js";
import { formatMessage, type Bundle } from "../../sdk/index.js";
import type { Shell } from "../shell/shell.js";
import { formatFacts, formatTime } from "../shell/table.js";

/** What there is to say of a bundle. */
export function bundleFacts(bundle: Omit<Bundle, "$typeName">): [string, string | number | boolean | undefined][] {
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

/** Answers with the bundle that a command made or activated. */
export function answerBundle(shell: Shell, done: string, envName: string, bundle: Bundle): void {
  const facts = bundleFacts(bundle).filter(([, value]) => value !== undefined && value !== "");
  shell.answer(
    () => formatMessage(bundle),
    () => line`${done} version ${bundle.version} in ${envName}\n` + formatFacts(facts),
  );
}
