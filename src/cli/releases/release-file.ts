import type { Command } from "commander";
import { nobleVerifier } from "../../bundle/ed25519-noble.js";
import type { PublicKey } from "../../bundle/keys.js";
import { parseRelease, type Release } from "../../bundle/trust/release.js";
import { ruleOf, type Root } from "../../bundle/trust/root.js";
import { STATEMENT_TYPE } from "../../bundle/trust/statement.js";
import { boundedEnvelope, signersIn } from "../../bundle/trust/threshold.js";
import { TrustError } from "../../bundle/trust/trust-error.js";
import type { Io } from "../shell/io.js";
import { readTextFile } from "../shell/text-files.js";
import { naming } from "../trust/trust-directory.js";

/** A release in a file, whose signatures may be missing. */
export interface ReleaseFile {
  readonly file: string;
  /** The JSON text of the envelope. */
  readonly envelope: string;
  readonly release: Release;
}

/** The option of {@link withRoot}. */
export interface RootOption {
  readonly root: string;
}

/** Adds `--root`. */
export function withRoot(command: Command): Command {
  return command.option("--root <file>", "root document, which says whose signatures count", "trust/root.json");
}

/** Reads a release and verifies nothing. Throws InputError and TrustError; the message names the file. */
export async function readRelease(file: string, io: Io): Promise<ReleaseFile> {
  const envelope = (await readTextFile(file, io)).trim();
  return await naming(file, async () => {
    const { payloadType, payload } = boundedEnvelope(envelope);
    if (payloadType === STATEMENT_TYPE) return { file, envelope, release: parseRelease(payload) };
    throw new TrustError("wrong_type", `the payload is ${payloadType}, not a release`);
  });
}

/** Throws TrustError `wrong_identity` for a release of another project than the root's. */
export function requireProjectOf({ file, release }: ReleaseFile, root: Root): void {
  if (release.orgId === root.orgId && release.projectId === root.projectId) return;
  throw new TrustError(
    "wrong_identity",
    `${file} is of project ${release.projectId}, and the root of ${root.projectId}`,
  );
}

/** Whose signatures a release needs for an environment, and whose it has. */
export interface Authors {
  readonly environment: string;
  readonly threshold: number;
  readonly keys: readonly PublicKey[];
  readonly signed: readonly PublicKey[];
}

/** The authors for each environment of a release. */
export async function authorsOf({ envelope, release }: ReleaseFile, root: Root): Promise<readonly Authors[]> {
  const all: Authors[] = [];
  for (const environment of release.subjects.keys()) {
    const { threshold, keys } = ruleOf(root, "release", environment);
    const signed = await signersIn(envelope, STATEMENT_TYPE, keys, nobleVerifier);
    all.push({ environment, threshold, keys, signed });
  }
  return all;
}
