import { existsSync } from "node:fs";
import type { Command } from "commander";
import { ENVIRONMENT } from "../../bundle/trust/forms.js";
import { formatRelease, parseRelease, type Release } from "../../bundle/trust/release.js";
import { STATEMENT_TYPE } from "../../bundle/trust/statement.js";
import { payloadDigest } from "../../bundle/trust/threshold.js";
import { trustTime, type TrustTime } from "../../bundle/trust/trust-time.js";
import { POLICY_HELP, withPolicyOptions } from "../bundles/options.js";
import { OPA_HELP, withPolicyKind } from "../policies/policies.js";
import { InputError, UsageError } from "../shell/cli-error.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import type { Shell } from "../shell/shell.js";
import { writeFileAtomically } from "../shell/text-files.js";
import { unsignedEnvelope } from "../trust/envelopes.js";
import { expiry } from "../trust/expiry.js";
import { readSignedRoot } from "../trust/trust-directory.js";
import { policyDigests, type PolicyFiles } from "./policy-digests.js";
import { readRelease, withRoot, type RootOption } from "./release-file.js";
import { releaseInWords } from "./release-words.js";

interface Options extends PolicyFiles, RootOption {
  readonly environments: readonly string[];
  readonly output: string;
  readonly force?: true;
  readonly number?: number;
  readonly expires?: TrustTime;
  readonly sourceRepository?: string;
  readonly sourceRevision?: string;
  readonly sourceUrl?: string;
}

const HELP = `
A release says in which environments a content may run. Name the environments in the order of promotion: scope policies that name one
of them are rewritten by each promotion, so that the content has another digest there. The number must grow where the root says
"rollback: release": by default it is the time in seconds, and with --force at least one more than in the replaced file. A release
holds when its authors have signed it (signet release sign).
`;

/** `signet release create`: a release of a policy document, to be signed. */
export function addReleaseCreate(release: Command, shell: Shell): void {
  withRoot(withPolicyKind(withPolicyOptions(release.command("create"))))
    .description("write a release of a policy document, or of Rego for OPA, for its authors to sign")
    .requiredOption("--environments <names...>", "where it may run, in the order of promotion")
    .option("--scope-policies <file>", "policies for single tenants, apps, agents and environments")
    .option("-o, --output <file>", "file of the release", "release.json")
    .option("--force", "replace an existing file")
    .option("--number <number>", "number of the release (default: the time in seconds)", wholeNumber(1))
    .option("--expires <time>", "end of the release: 90d, 1y or an ISO 8601 time (default: none)", expiry)
    .option("--source-repository <repository>", "repository of the document")
    .option("--source-revision <revision>", "revision of the document, for example a commit")
    .option("--source-url <url>", "link to the change, for example a pull request")
    .addHelpText("after", `${HELP}${POLICY_HELP}\n${OPA_HELP.trimStart()}`)
    .addHelpText(
      "after",
      examples(
        "signet release create -f policy.yaml --environments dev staging prod",
        "signet release create -f policy.yaml --environments prod --expires 90d -o hotfix.json",
        "signet release create -f ./policy-dir --environments dev prod",
      ),
    )
    .action(async (options: Options) => {
      const { environments, output, expires = null } = options;
      requireNames(environments);
      if (options.force !== true && existsSync(output)) {
        throw new InputError(`${output} exists already: pass --force to replace it`);
      }
      const { root } = await readSignedRoot(options.root, shell.io);
      const { digests, mediaType } = await policyDigests(options, environments, shell);
      const payload = formatRelease({
        subjects: digests,
        orgId: root.orgId,
        projectId: root.projectId,
        number: options.number ?? (await nextNumber(output, shell)),
        createdAt: trustTime(Date.now()),
        expiresAt: expires,
        mediaType,
        source: sourceOf(options),
      });
      // What no runtime would read is not written.
      const made = {
        file: output,
        envelope: unsignedEnvelope(STATEMENT_TYPE, payload),
        release: parseRelease(payload),
      };
      await writeFileAtomically(output, `${made.envelope}\n`);
      const { number, subjects } = made.release;
      const digest = payloadDigest(made.envelope);
      shell.answer(
        () =>
          JSON.stringify({
            file: output,
            digest,
            number,
            media_type: mediaType,
            expires_at: expires,
            environments: Object.fromEntries(subjects),
          }),
        () => `${output}: ${releaseInWords(made).join("\n")}\n`,
      );
      if (!shell.json) shell.notice(`next: signet release sign ${output}`);
    });
}

function requireNames(environments: readonly string[]): void {
  const wrong = environments.find((name) => !ENVIRONMENT.test(name));
  if (wrong !== undefined) throw new UsageError(`"${wrong}" is not the name of an environment`);
  if (new Set(environments).size < environments.length) throw new UsageError("--environments names one twice");
}

/** Grows with the time, and from what is replaced. */
async function nextNumber(output: string, shell: Shell): Promise<number> {
  const before = existsSync(output) ? (await readRelease(output, shell.io)).release.number : 0;
  return Math.max(Math.floor(Date.now() / 1000), before + 1);
}

function sourceOf({ sourceRepository, sourceRevision, sourceUrl }: Options): Release["source"] {
  const parts = [sourceRepository, sourceRevision, sourceUrl];
  if (parts.every((part) => part === undefined)) return null;
  return { repository: sourceRepository ?? "", revision: sourceRevision ?? "", url: sourceUrl ?? "" };
}
