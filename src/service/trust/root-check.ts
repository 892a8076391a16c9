import { envelopeKeyId } from "../../bundle/envelope/dsse.js";
import type { PublicKey } from "../../bundle/keys.js";
import { parseRoot, roleRule, ROOT_TYPE, ruleOf, type Root } from "../../bundle/trust/root.js";
import { timeMs } from "../../bundle/trust/trust-time.js";
import type { TrustCode } from "../../bundle/trust/trust-error.js";
import { invalidField, type AppError } from "../../core/error.js";
import { nodeVerifier } from "../keys/ed25519-node.js";
import { explained, givenEnvelope, givenSignatures, withSignatures, type GivenEnvelope } from "./envelopes.js";
import { keyName, whoMustSign } from "./key-names.js";

const FIELD = "envelope";

/** A root document of a request, parsed. */
export interface GivenRoot {
  readonly envelope: GivenEnvelope;
  readonly root: Root;
}

/** What a root document is checked against. */
export interface RootContext {
  readonly orgId: string;
  readonly projectId: string;
  /** The newest one; null without any. */
  readonly before: Root | null;
  /** The keys with which this server signs activations and leases. */
  readonly serverKeys: readonly PublicKey[];
  readonly now: Date;
}

/** A root document that can be the next one. */
export interface CheckedRoot {
  /** With the signatures that count alone. */
  readonly envelope: string;
  /** The keys of the role root that signed it, of its own and of the one before. */
  readonly signedBy: readonly string[];
}

/** Parses a root document; nothing of it is verified yet. Throws `invalid` about `envelope`. */
export function givenRoot(text: string): GivenRoot {
  const envelope = givenEnvelope(text, ROOT_TYPE, FIELD);
  return { envelope, root: explained(FIELD, () => parseRoot(envelope.payload)) };
}

/**
 * Checks that runtimes take a root document as the next one of its project, and that this server can serve them under it. Throws `invalid`
 * about `envelope`, whose type is the code of runtimes (bundle/trust/trust-error.ts).
 */
export async function checkRoot({ envelope, root }: GivenRoot, context: RootContext): Promise<CheckedRoot> {
  const { before, orgId, projectId, serverKeys, now } = context;
  if (root.orgId !== orgId || root.projectId !== projectId)
    throw refused(
      "wrong_identity",
      `is the root of project ${root.projectId} of organization ${root.orgId}, not of this one`,
    );
  const next = (before?.version ?? 0) + 1;
  if (root.version !== next) throw refused("root_version", `has version ${root.version}, and the next one is ${next}`);
  if (timeMs(root.expiresAt) <= now.getTime()) throw refused("root_expired", `expired at ${root.expiresAt}`);
  const signatures = await givenSignatures(envelope, signatories(before, root), nodeVerifier, FIELD);
  const signedBy = new Set(signatures.map(({ keyid }) => keyid));
  if (before !== null) requireSigned(before, signedBy, `the root before it, version ${before.version}`);
  requireSigned(root, signedBy, "itself");
  for (const environment of [null, ...root.environments.keys()]) {
    const why = notServed(root, environment, serverKeys);
    if (why !== null) throw refused("bad_root", why);
  }
  return { envelope: withSignatures(envelope, signatures, FIELD), signedBy: [...signedBy] };
}

/** The keys that may sign it, by id: those of the role root of both. */
function signatories(before: Root | null, root: Root): ReadonlyMap<string, PublicKey> {
  const both = [...(before === null ? [] : ruleOf(before, "root", null).keys), ...ruleOf(root, "root", null).keys];
  return new Map(both.map((key) => [envelopeKeyId(key), key]));
}

function requireSigned(by: Root, signedBy: ReadonlySet<string>, whose: string): void {
  const rule = by.roles.root;
  if (rule.keyIds.filter((id) => signedBy.has(id)).length >= rule.threshold) return;
  throw refused("bad_signature", `is not signed as ${whose} demands: ${whoMustSign(by, rule, signedBy)}`);
}

/**
 * Why this server cannot sign for an environment (null: for those without rules of their own) under a root; null if it can. It signs
 * activations and leases with its own keys alone: the threshold must be 1, and one of them named.
 */
export function notServed(root: Root, environment: string | null, serverKeys: readonly PublicKey[]): string | null {
  const own = new Set(serverKeys.map(envelopeKeyId));
  const where = environment === null || !root.environments.has(environment) ? "" : ` in "${environment}"`;
  for (const role of ["activation", "lease"] as const) {
    const { threshold, keyIds } = roleRule(root, role, environment);
    if (threshold > 1) return `demands ${threshold} signatures for the role ${role}${where}, and this server makes one`;
    if (!keyIds.some((id) => own.has(id)))
      return `does not name this server's key ${ownNames(root, own)} for the role ${role}${where}`;
  }
  return null;
}

function ownNames(root: Root, own: ReadonlySet<string>): string {
  return [...own].map((id) => keyName(root, id)).join(" or ");
}

function refused(code: TrustCode, message: string): AppError {
  return invalidField([FIELD], message, code);
}
