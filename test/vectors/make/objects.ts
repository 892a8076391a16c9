import { createHash } from "node:crypto";
import { addSignature, signEnvelope } from "../../../src/bundle/envelope/dsse.js";
import { formatActivation, type ActivationStatement } from "../../../src/bundle/trust/activation.js";
import { formatLease, LEASE_TYPE, type Lease } from "../../../src/bundle/trust/lease.js";
import { formatRelease, type Release } from "../../../src/bundle/trust/release.js";
import { formatRoot, ROOT_TYPE, type Root, type RoleRule } from "../../../src/bundle/trust/root.js";
import { STATEMENT_TYPE } from "../../../src/bundle/trust/statement.js";
import { payloadDigest } from "../../../src/bundle/trust/threshold.js";
import { trustTime } from "../../../src/bundle/trust/trust-time.js";
import { keys, type VectorKey } from "./keys.js";

/** The start of the vectors' time. */
export const START = "2026-03-01T12:00:00Z";

export const ORG = "11111111-1111-4111-8111-111111111111";
export const PROJECT = "22222222-2222-4222-8222-222222222222";
export const OTHER_ORG = "33333333-3333-4333-8333-333333333333";
export const OTHER_PROJECT = "44444444-4444-4444-8444-444444444444";

/** START and so many seconds. */
export function after(seconds: number): string {
  return trustTime(Date.parse(START) + seconds * 1000);
}

/** The content bytes of a policy that allows up to `limit`. */
export function content(limit: number): Uint8Array {
  return new TextEncoder().encode(`{"policies":{"limit":${limit}},"scope_policies":{}}`);
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** One envelope, signed by all of `by`. */
export async function sign(
  type: string,
  payload: Uint8Array | string,
  [first, ...others]: readonly VectorKey[],
): Promise<string> {
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  if (first === undefined) throw new TypeError("no key");
  let envelope = await signEnvelope(type, bytes, first.signer, first.key);
  for (const { signer, key } of others) envelope = await addSignature(envelope, signer, key);
  return envelope;
}

export function rule(threshold: number, ...of: readonly VectorKey[]): RoleRule {
  return { threshold, keyIds: of.map(({ id }) => id) };
}

/** The keys of the rules of `roots`. */
export function keyMap(...of: readonly VectorKey[]): Root["keys"] {
  return new Map(of.map(({ id, key }) => [id, key]));
}

/** The root of the vectors: two of three root keys; two of three authors for prod, one for staging, none for dev. */
export function siteRoot(changes: Partial<Root> = {}): Root {
  const { root, activation, lease, alice, bob, carol } = keys;
  return {
    orgId: ORG,
    projectId: PROJECT,
    version: 1,
    expiresAt: after(365 * 86_400),
    keys: keyMap(...root, activation, lease, alice, bob, carol),
    roles: {
      root: rule(2, ...root),
      activation: rule(1, activation),
      lease: rule(1, lease),
      release: rule(0),
    },
    environments: new Map([
      ["prod", { release: rule(2, alice, bob, carol) }],
      ["staging", { release: rule(1, alice, bob) }],
    ]),
    rollback: "server",
    revoked: [],
    names: {},
    ...changes,
  };
}

/** Signed by the first two root keys. */
export async function signRoot(root: Root, by: readonly VectorKey[] = keys.root.slice(0, 2)): Promise<string> {
  return await sign(ROOT_TYPE, formatRoot(root), by);
}

/** What differs between two packs. */
export interface PackOptions {
  readonly sequence?: number;
  readonly bytes?: Uint8Array;
  readonly environment?: string;
  readonly orgId?: string;
  readonly projectId?: string;
  /** Null: no release. */
  readonly number?: number | null;
  readonly authors?: readonly VectorKey[];
  /** The environments of the release, each with its content's digest. */
  readonly released?: ReadonlyMap<string, string>;
  readonly releaseExpiresAt?: string | null;
  readonly issuedAt?: string;
  /** How long the lease lives, in seconds. */
  readonly seconds?: number;
  readonly rootVersion?: number;
  readonly activationKeys?: readonly VectorKey[];
  readonly leaseKeys?: readonly VectorKey[];
  readonly activation?: Partial<ActivationStatement>;
  readonly lease?: Partial<Lease>;
  readonly release?: Partial<Release>;
}

/** Envelopes and content that belong together. */
export interface Pack {
  readonly lease: string;
  readonly activation: string;
  readonly release: string | null;
  readonly content: Uint8Array;
}

/** A pack that verifies for prod under {@link siteRoot}, but for what `options` change. */
export async function pack(options: PackOptions = {}): Promise<Pack> {
  const { sequence = 7, bytes = content(100), environment = "prod", orgId = ORG, projectId = PROJECT } = options;
  const { number = 3, authors = [keys.alice, keys.bob], releaseExpiresAt = null } = options;
  const { activationKeys = [keys.activation], leaseKeys = [keys.lease] } = options;
  const released = options.released ?? new Map([[environment, sha256(bytes)]]);
  const release =
    number === null
      ? null
      : await sign(
          STATEMENT_TYPE,
          formatRelease({
            subjects: released,
            orgId,
            projectId,
            number,
            createdAt: after(-7200),
            expiresAt: releaseExpiresAt,
            mediaType: "application/json",
            source: { repository: "https://git.example/policies", revision: "4f1c2d", url: "" },
            ...options.release,
          }),
          authors,
        );
  const activation = await sign(
    STATEMENT_TYPE,
    formatActivation({
      content: sha256(bytes),
      document: sha256(new TextEncoder().encode(`document ${sequence}`)),
      orgId,
      projectId,
      environment,
      sequence,
      kind: "publish",
      bundleId: uuid(5, sequence),
      version: sequence,
      deploymentId: uuid(6, sequence),
      activatedAt: after(-3600 + sequence),
      mediaType: "application/json",
      size: bytes.length,
      release: release && payloadDigest(release),
      previous: null,
      ...options.activation,
    }),
    activationKeys,
  );
  const { issuedAt = START, seconds = 300, rootVersion = 1 } = options;
  const lease = await leaseOf(
    {
      orgId,
      projectId,
      environment,
      rootVersion,
      sequence,
      activation: payloadDigest(activation),
      issuedAt,
      expiresAt: trustTime(Date.parse(issuedAt) + seconds * 1000),
      ...options.lease,
    },
    leaseKeys,
  );
  return { lease, activation, release, content: bytes };
}

export async function leaseOf(lease: Lease, by: readonly VectorKey[] = [keys.lease]): Promise<string> {
  return await sign(LEASE_TYPE, formatLease(lease), by);
}

function uuid(kind: number, n: number): string {
  return `${String(kind).repeat(8)}-0000-4000-8000-${String(n).padStart(12, "0")}`;
}
