import { readFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { nobleVerifier } from "../../bundle/ed25519-noble.js";
import { parseDocument } from "../../bundle/parse-document.js";
import { canonicalContent } from "../../bundle/policy-hash.js";
import { scanStrictJson } from "../../bundle/strict-json.js";
import { TrustError } from "../../bundle/trust/trust-error.js";
import { emptyState } from "../../bundle/trust/trust-state.js";
import { verifyUpdate, type UpdateSource } from "../../bundle/trust/update.js";
import type { Root } from "../../bundle/trust/root.js";
import { AppError } from "../../core/error.js";
import { SignetError } from "../../sdk/index.js";
import { UsageError } from "../shell/cli-error.js";
import { Session } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { readTextFile } from "../shell/text-files.js";
import { proofInWords, proofJson, signersOfProof } from "../trust/proof.js";
import { readSignedRoot, type RootFile } from "../trust/trust-directory.js";

/** The options of `signet verify --root`. */
export interface ProofOptions extends GlobalOptions {
  readonly root: string;
  readonly attestation?: string;
  readonly at?: Date;
}

/** Where a proof comes from, and of which environment it must be. */
interface Evidence {
  readonly source: UpdateSource;
  readonly environment: string;
  /** SHA-256 of the document's bytes, in hex; null when the content came without its document. */
  readonly document: string | null;
}

/**
 * Verifies that a content is active in an environment by the root of its project, in the order of a runtime's checks, and says what was
 * proven, by whom and until when. Throws TrustError.
 *
 * @param file a bundle document or a content, with `--attestation`; undefined to ask the server
 */
export async function verifyProof(
  shell: Shell,
  command: Command,
  file: string | undefined,
  options: ProofOptions,
): Promise<void> {
  const pinned = await readSignedRoot(options.root, shell.io);
  requireIdentityOf(pinned.root, options);
  const now = options.at ?? new Date();
  if (file !== undefined) return await prove(shell, pinned.root, await fromFiles(shell, file, pinned, options), now);
  using session = Session.open(shell, command);
  await prove(shell, pinned.root, await fromServer(session, pinned.root, options), now);
}

async function prove(shell: Shell, root: Root, evidence: Evidence, now: Date): Promise<void> {
  const { source, environment, document } = evidence;
  const identity = { orgId: root.orgId, projectId: root.projectId, environment };
  const { trusted, error } = await verifyUpdate(emptyState(root, identity), source, { verifier: nobleVerifier, now });
  if (error !== null) throw error;
  const named = trusted.activation?.value.document;
  if (document !== null && named !== undefined && named !== document) {
    throw new TrustError("digest_mismatch", "the document is not the one that the activation names");
  }
  const signers = await signersOfProof(trusted);
  shell.answer(
    () => JSON.stringify(proofJson(trusted, signers)),
    () => `proven\n${proofInWords(trusted, signers, now.getTime())}`,
  );
}

async function fromFiles(
  shell: Shell,
  file: string,
  pinned: RootFile,
  { attestation, env }: ProofOptions,
): Promise<Evidence> {
  if (attestation === undefined) {
    throw new UsageError("pass --attestation with a file; without a file the server is asked for both");
  }
  if (env === undefined) throw new UsageError("pass --env: which environment it must be active in");
  const proof = (await readTextFile(attestation, shell.io)).trim();
  // A document ends without a line break, but what wrote the file may have added one.
  const text = (await readTextFile(file, shell.io)).replace(/\n$/, "");
  const content = contentIn(text);
  const isDocument = content !== text;
  return {
    environment: env,
    document: isDocument ? createHash("sha256").update(text).digest("hex") : null,
    source: {
      async root(version) {
        const next = join(dirname(pinned.file), `${version}.root.json`);
        return existsSync(next) ? (await readFile(next, "utf8")).trim() : null;
      },
      attestation: async () => proof,
      content: async () => new TextEncoder().encode(content),
    },
  };
}

async function fromServer(session: Session, root: Root, { env, attestation }: ProofOptions): Promise<Evidence> {
  if (attestation !== undefined) throw new UsageError("--attestation goes with a file");
  const { client } = session;
  const { keyType, environment } = await session.whoAmI();
  const project = { orgId: root.orgId, projectId: root.projectId };
  if (keyType === "runtime") {
    return {
      environment: env ?? environment ?? "",
      document: null,
      source: {
        root: async (version) => await orAbsent(async () => (await client.trust.getRoot({ version })).envelope),
        attestation: async () => (await client.runtimes.getLatestAttestation({})).attestation,
        content: async () => new TextEncoder().encode((await client.runtimes.getLatestContent({})).content),
      },
    };
  }
  if (env === undefined) throw new UsageError("pass --env: which environment to verify");
  const path = { ...project, envName: env };
  const { data } = await client.bundles.listDeployments({ ...path, limit: 1 });
  const [active] = data;
  if (active === undefined) throw new SignetError("not_found", `nothing is active in ${env}`);
  const { document } = await client.bundles.getBundleDocument({ ...path, version: active.version });
  return {
    environment: env,
    document: createHash("sha256").update(document).digest("hex"),
    source: {
      root: async (version) =>
        await orAbsent(async () => (await client.trust.getProjectRoot({ ...project, version })).envelope),
      attestation: async () =>
        (await client.runtimes.getDeploymentAttestation({ deploymentId: active.id })).attestation,
      content: async () => new TextEncoder().encode(contentIn(document)),
    },
  };
}

/** The content of a document; a text that is no document as it is. */
function contentIn(text: string): string {
  if (!isDocument(text)) return text;
  const { policiesText, scopePoliciesText } = parseDocument(text);
  const { policies, scopePolicies } = canonicalContent(policiesText, scopePoliciesText);
  return `{"policies":${policies},"scope_policies":${scopePolicies}}`;
}

function isDocument(text: string): boolean {
  try {
    return scanStrictJson(text).spans.has("policy_hash");
  } catch (thrown) {
    if (thrown instanceof AppError) return false;
    throw thrown;
  }
}

/** Null for what is not there. */
async function orAbsent(ask: () => Promise<string>): Promise<string | null> {
  try {
    return await ask();
  } catch (thrown) {
    if (thrown instanceof SignetError && thrown.code === "not_found") return null;
    throw thrown;
  }
}

/** Throws TrustError `wrong_identity` when `--org` or `--project` name another one than the root's. */
function requireIdentityOf(root: Root, { org, project }: ProofOptions): void {
  for (const [option, given, own] of [
    ["--org", org, root.orgId],
    ["--project", project, root.projectId],
  ] as const) {
    if (given === undefined || given === own) continue;
    throw new TrustError("wrong_identity", `the root is of ${own}, not ${option} ${given}`);
  }
}
