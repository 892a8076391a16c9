import { envelopeKeyId } from "../../bundle/envelope/dsse.js";
import { nobleVerifier } from "../../bundle/ed25519-noble.js";
import { LEASE_TYPE } from "../../bundle/trust/lease.js";
import { nameOfKey, ruleOf, type Role } from "../../bundle/trust/root.js";
import { STATEMENT_TYPE } from "../../bundle/trust/statement.js";
import { signersIn } from "../../bundle/trust/threshold.js";
import { expiryOf, type Held, type TrustedState } from "../../bundle/trust/trust-state.js";
import { formatFacts, type Fact } from "../shell/table.js";
import { keyLabel, shortLabel } from "./public-keys.js";
import { expiryInWords } from "./root-words.js";

/** A key that signed, as JSON has it. */
interface Signer {
  readonly key_id: string;
  readonly name: string | null;
}

/** Who signed what of a verified state. */
export interface ProofSigners {
  readonly activation: readonly string[];
  readonly lease: readonly string[];
  readonly release: readonly string[];
}

/** The full ids of the keys that signed, each by the rule of its role. */
export async function signersOfProof(state: TrustedState): Promise<ProofSigners> {
  const { root, identity } = state;
  const by = async (role: Role, type: string, held: Held<unknown> | null): Promise<readonly string[]> => {
    if (held === null) return [];
    const { keys } = ruleOf(root, role, identity.environment);
    return (await signersIn(held.envelope, type, keys, nobleVerifier)).map(envelopeKeyId);
  };
  return {
    activation: await by("activation", STATEMENT_TYPE, state.activation),
    lease: await by("lease", LEASE_TYPE, state.lease),
    release: await by("release", STATEMENT_TYPE, state.release),
  };
}

/** What a verified state proves, by whom and until when, as JSON. */
export function proofJson(state: TrustedState, signers: ProofSigners) {
  const { root, identity, lease, activation, release } = state;
  const named = (ids: readonly string[]): readonly Signer[] =>
    ids.map((id) => ({ key_id: id, name: nameOfKey(root, id) }));
  return {
    valid: true,
    org_id: identity.orgId,
    project_id: identity.projectId,
    environment: identity.environment,
    proven_until: expiryOf(state),
    root: { version: root.version, expires_at: root.expiresAt },
    lease: lease && {
      sequence: lease.value.sequence,
      issued_at: lease.value.issuedAt,
      expires_at: lease.value.expiresAt,
      signed_by: named(signers.lease),
    },
    activation: activation && {
      sequence: activation.value.sequence,
      version: activation.value.version,
      kind: activation.value.kind,
      policy_hash: `sha256:${activation.value.content}`,
      deployment_id: activation.value.deploymentId,
      activated_at: activation.value.activatedAt,
      signed_by: named(signers.activation),
    },
    release: release && {
      number: release.value.number,
      digest: release.digest,
      expires_at: release.value.expiresAt,
      source: release.value.source,
      signed_by: named(signers.release),
    },
  };
}

/** The same in words. */
export function proofInWords(state: TrustedState, signers: ProofSigners, nowMs: number): string {
  const { root, identity, lease, activation, release } = state;
  const by = (ids: readonly string[]) => ids.map((id) => keyLabel(id, root)).join(", ");
  const until = expiryOf(state);
  const facts: Fact[] = [["environment", `${identity.environment} of project ${identity.projectId}`]];
  if (activation === null) facts.push(["content", "nothing is active"]);
  else {
    const { sequence, version, kind, content, activatedAt } = activation.value;
    facts.push(
      ["content", `sha256:${content}`],
      ["activated", `sequence ${sequence}, version ${version}, by ${kind} at ${activatedAt.replace("T", " ")}`],
      ["", `signed by ${by(signers.activation)}`],
    );
  }
  if (lease !== null) {
    facts.push(
      ["the newest", `as of ${lease.value.issuedAt.replace("T", " ")}, signed by ${by(signers.lease)}`],
      ["written by", writtenBy(state, signers)],
    );
  }
  if (release?.value.expiresAt != null) facts.push(["released until", release.value.expiresAt.replace("T", " ")]);
  facts.push(["by root", `${root.version}, which expires ${expiryInWords(root.expiresAt, nowMs)}`]);
  facts.push(["proven until", until?.replace("T", " ")]);
  return formatFacts(facts.map(([name, value]) => [name, value === "" ? null : value]));
}

function writtenBy({ root, identity, release }: TrustedState, signers: ProofSigners): string {
  if (ruleOf(root, "release", identity.environment).threshold === 0 || release === null) {
    return "whoever may publish on the server: the root asks for no release";
  }
  const authors = signers.release.map((id) => shortLabel(id, root)).join(", ");
  return `${authors} (release ${release.value.number})`;
}
