import { envelopeKeyId } from "../../bundle/envelope/dsse.js";
import type { Root } from "../../bundle/trust/root.js";
import { printable } from "../../core/printable.js";
import { shortLabel } from "../trust/public-keys.js";
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

/** Whose signatures are missing for an environment: `1 more of bob, carol`; null when none. */
export function missingAuthors({ threshold, keys, signed }: Authors, root: Pick<Root, "names">): string | null {
  const lacking = threshold - signed.length;
  if (lacking <= 0) return null;
  const others = keys.filter(({ keyId }) => signed.every((it) => it.keyId !== keyId));
  return `${lacking} more of ${namesOf(others, root)}`;
}

/** `1 of 2 (alice)`; `none needed` for threshold 0. */
export function authorsInWords({ threshold, signed }: Authors, root: Pick<Root, "names">): string {
  const names = signed.length === 0 ? "" : ` (${namesOf(signed, root)})`;
  return threshold === 0 ? `none needed${names}` : `${signed.length} of ${threshold}${names}`;
}

function namesOf(keys: Authors["keys"], root: Pick<Root, "names">): string {
  return keys.map((key) => shortLabel(envelopeKeyId(key), root)).join(", ");
}
