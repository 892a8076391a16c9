import type { Command } from "commander";
import { nobleVerifier } from "../../bundle/ed25519-noble.js";
import { payloadDigest } from "../../bundle/trust/threshold.js";
import { timeMs } from "../../bundle/trust/trust-time.js";
import { TrustError } from "../../bundle/trust/trust-error.js";
import { verifyNextRoot } from "../../bundle/trust/verify-objects.js";
import { examples } from "../shell/help.js";
import type { Io } from "../shell/io.js";
import type { Shell } from "../shell/shell.js";
import { formatTable } from "../shell/table.js";
import { expiryInWords } from "./root-words.js";
import { progressOf } from "./sign.js";
import {
  naming,
  readRoot,
  readSignedRoot,
  signaturesOn,
  TrustDirectory,
  withDirectory,
  type DirectoryOptions,
  type RootFile,
  type Signed,
} from "./trust-directory.js";

/** A root of a chain with the signatures that it has. */
interface Link {
  readonly file: RootFile;
  readonly rules: readonly Signed[];
}

const HELP = `
The first root is taken as given: compare its digest with the one of those who made it. Each next one must be signed by a threshold of
the keys of the one before and of its own, follow it without a gap, and be of the same project. Exit code 8 when one does not, and when
the newest one has expired.
`;

/** `signet trust verify`: checks a chain of roots without a server. */
export function addVerifyTrust(trust: Command, shell: Shell): void {
  withDirectory(trust.command("verify"))
    .description("verify root documents offline, each by the one before")
    .argument("[files...]", "root documents in any order (default: all of the directory)")
    .addHelpText("after", HELP + examples("signet trust verify", "signet trust verify 1.root.json 2.root.json"))
    .action(async (files: readonly string[], { dir }: DirectoryOptions) => {
      const directory = new TrustDirectory(dir, shell.io);
      const named = files.length > 0 ? files : [...directory.versions(), (await directory.requireNewest()).file];
      const chain = await verifyChain(named, shell.io);
      requireCurrent(chain.at(-1)?.file);
      shell.answer(
        () => JSON.stringify({ valid: true, roots: chain.map(jsonOf) }),
        () =>
          `verified, by the keys of the first one\n${formatTable(
            chain,
            [
              ["VERSION", ({ file }) => file.root.version],
              ["EXPIRES", ({ file }) => expiryInWords(file.root.expiresAt)],
              ["SIGNED", ({ rules }) => rules.map(progressOf).join("; ")],
              ["DIGEST", ({ file }) => payloadDigest(file.envelope)],
            ],
            shell.tableStyle,
          )}`,
      );
    });
}

/** Verifies roots by each other, the oldest first. Copies of one version must say the same. Throws TrustError. */
export async function verifyChain(files: readonly string[], io: Io): Promise<readonly Link[]> {
  const read: RootFile[] = [];
  for (const file of files) read.push(await readRoot(file, io));
  read.sort((a, b) => a.root.version - b.root.version);
  const chain: Link[] = [];
  for (const next of read) {
    const before = chain.at(-1)?.file ?? null;
    if (before !== null && before.root.version === next.root.version) {
      await readSignedRoot(next.file, io);
      requireSame(before, next);
      continue;
    }
    if (before === null) await readSignedRoot(next.file, io);
    else await naming(next.file, async () => await verifyNextRoot(next.envelope, before.root, nobleVerifier));
    chain.push({ file: next, rules: await signaturesOn(next, before) });
  }
  return chain;
}

/** Throws TrustError `root_expired`. */
export function requireCurrent(newest: RootFile | undefined): void {
  if (newest === undefined || timeMs(newest.root.expiresAt) > Date.now()) return;
  const { file, root } = newest;
  throw new TrustError("root_expired", `${file}: root ${root.version} ran out at ${root.expiresAt}`);
}

function requireSame(a: RootFile, b: RootFile): void {
  if (payloadDigest(a.envelope) === payloadDigest(b.envelope)) return;
  throw new TrustError("root_version", `${a.file} and ${b.file} are different roots of version ${a.root.version}`);
}

function jsonOf({ file: { file, envelope, root }, rules }: Link) {
  const signatures = rules.map(({ by, threshold, signed }) => ({
    by,
    threshold,
    signed: signed.map((key) => key.keyId),
  }));
  return { file, version: root.version, expires_at: root.expiresAt, digest: payloadDigest(envelope), signatures };
}
