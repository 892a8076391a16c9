import type { Root } from "../../bundle/trust/root.js";
import { printable } from "../../core/printable.js";
import { shortLabels } from "../trust/public-keys.js";
import { expiryInWords } from "../trust/root-words.js";
import type { Authors, ReleaseFile } from "./release-file.js";

/** What a release says, line by line, before somebody signs it. */
export function releaseInWords({ release }: ReleaseFile): readonly string[] {
  const { orgId, projectId, number, subjects, expiresAt, source } = release;
  const from =
    source === null ? "" : [source.repository, source.revision, source.url].filter((it) => it !== "").join(" ");
  return [
    printable(`release ${number} of project ${projectId}, organization ${orgId}`),
    ...[...subjects].map(([environment, digest]) => printable(`  may run in ${environment}: content ${digest}`)),
    `  ${expiresAt === null ? "does not expire" : `expires ${expiryInWords(expiresAt)}`}`,
    ...(from === "" ? [] : [`  source: ${printable(from)}`]),
  ];
}

/** `1 of 2 (alice)`; `none needed` for threshold 0. */
export function authorsInWords({ threshold, signed }: Authors, root: Pick<Root, "names">): string {
  const names = signed.length === 0 ? "" : ` (${shortLabels(signed, root)})`;
  return threshold === 0 ? `none needed${names}` : `${signed.length} of ${threshold}${names}`;
}
