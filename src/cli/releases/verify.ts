import type { Command } from "commander";
import { envelopeKeyId } from "../../bundle/envelope/dsse.js";
import type { Root } from "../../bundle/trust/root.js";
import { payloadDigest } from "../../bundle/trust/threshold.js";
import { TrustError, type TrustCode } from "../../bundle/trust/trust-error.js";
import { timeMs } from "../../bundle/trust/trust-time.js";
import { examples } from "../shell/help.js";
import type { Shell } from "../shell/shell.js";
import { formatFacts, formatTable, type Fact } from "../shell/table.js";
import { expiryInWords } from "../trust/root-words.js";
import { readSignedRoot } from "../trust/trust-directory.js";
import { requireCurrent } from "../trust/verify.js";
import { differingFrom, otherContent, withComparedPolicy, type PolicyFiles } from "./policy-digests.js";
import {
  authorsOf,
  readRelease,
  requireProjectOf,
  withRoot,
  type Authors,
  type ReleaseFile,
  type RootOption,
} from "./release-file.js";
import { stillNeeded } from "../trust/public-keys.js";
import { authorsInWords } from "./release-words.js";

interface Options extends Partial<PolicyFiles>, RootOption {
  readonly environments?: readonly string[];
}

/** Whether a release holds for an environment. */
interface Verdict {
  readonly environment: string;
  /** Null for an environment that it does not name. */
  readonly authors: Authors | null;
  readonly content: string | null;
  readonly flaw: Pick<TrustError, "code" | "message"> | null;
}

const HELP = `
Checks for each environment that enough of its authors signed, and that neither the release nor its content is revoked or expired; with
-f also that it is a release of that policy document. Exit code 8 when it does not hold for one of its environments, or for one of
--environments.
`;

/** `signet release verify`: for which environments a release holds, and whose signatures are missing. */
export function addReleaseVerify(release: Command, shell: Shell): void {
  withRoot(withComparedPolicy(release.command("verify")))
    .description("verify a release offline: where it holds, and who must still sign")
    .argument("<release>", "file of the release")
    .option("--environments <names...>", "where it must hold (default: every environment that it names)")
    .addHelpText("after", HELP)
    .addHelpText(
      "after",
      examples(
        "signet release verify release.json --root trust/root.json",
        "signet release verify release.json -f policy.yaml --environments prod",
      ),
    )
    .action(async (file: string, options: Options) => {
      const found = await readRelease(file, shell.io);
      const trusted = await readSignedRoot(options.root, shell.io);
      requireCurrent(trusted);
      requireProjectOf(found, trusted.root);
      const verdicts = await verdictsOn(found, trusted.root, options, shell);
      answerVerdicts(shell, found, trusted.root, verdicts);
      for (const { environment, flaw } of verdicts) {
        if (flaw !== null) throw new TrustError(flaw.code, `${environment}: ${flaw.message}`);
      }
    });
}

async function verdictsOn(found: ReleaseFile, root: Root, options: Options, shell: Shell): Promise<readonly Verdict[]> {
  const differing = await differingFrom(found.release, options, shell);
  const all = await authorsOf(found, root);
  return (options.environments ?? [...found.release.subjects.keys()]).map((environment) => {
    const content = found.release.subjects.get(environment) ?? null;
    const authors = all.find((it) => it.environment === environment) ?? null;
    const other = differing.has(environment) ? otherContent(options.file, [environment]) : null;
    return { environment, authors, content, flaw: flawOf(found, root, content, authors) ?? other };
  });
}

/** In the order of a runtime's checks. */
function flawOf(
  { envelope, release }: ReleaseFile,
  { revoked, names }: Pick<Root, "revoked" | "names">,
  content: string | null,
  authors: Authors | null,
): Verdict["flaw"] {
  const flaw = (code: TrustCode, message: string) => ({ code, message });
  if (authors === null || content === null) return flaw("release_missing", "the release is not for this environment");
  if (revoked.includes(payloadDigest(envelope))) return flaw("revoked", "the release is revoked");
  if (revoked.includes(content)) return flaw("revoked", "the content is revoked");
  const missing = stillNeeded(authors, { names });
  if (missing !== null) return flaw("bad_signature", `${missing} must sign`);
  if (release.expiresAt === null || timeMs(release.expiresAt) > Date.now()) return null;
  return flaw("release_expired", `the release ran out at ${release.expiresAt}`);
}

function answerVerdicts(shell: Shell, found: ReleaseFile, root: Root, verdicts: readonly Verdict[]): void {
  const { number, expiresAt } = found.release;
  const digest = payloadDigest(found.envelope);
  shell.answer(
    () => {
      const environments = verdicts.map(({ environment, content, authors, flaw }) => ({
        ...{ environment, content, threshold: authors?.threshold ?? null },
        signed: authors?.signed.map(envelopeKeyId) ?? [],
        holds: flaw === null,
        reason: flaw?.code ?? null,
        message: flaw?.message ?? null,
      }));
      const valid = verdicts.every(({ flaw }) => flaw === null);
      return JSON.stringify({ valid, digest, number, expires_at: expiresAt, root_version: root.version, environments });
    },
    () => {
      const facts: readonly Fact[] = [
        ["release", number],
        ["digest", digest],
        ["expires", expiresAt === null ? "never" : expiryInWords(expiresAt)],
        ["by", `root ${root.version}, which expires ${expiryInWords(root.expiresAt)}`],
      ];
      const table = formatTable(
        verdicts,
        [
          ["ENVIRONMENT", ({ environment }) => environment],
          ["HOLDS", ({ flaw }) => flaw === null],
          ["SIGNED", ({ authors }) => authors && authorsInWords(authors, root)],
          ["PROBLEM", ({ flaw }) => flaw?.message],
          ["CONTENT", ({ content }) => content],
        ],
        shell.tableStyle,
      );
      return `${formatFacts(facts)}${table}`;
    },
  );
}
