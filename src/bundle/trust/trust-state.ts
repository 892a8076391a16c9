import { AppError } from "../../core/error.js";
import { scanStrictJson } from "../strict-json.js";
import type { ActivationStatement } from "./activation.js";
import type { Lease } from "./lease.js";
import type { Release } from "./release.js";
import { ruleOf, type Root } from "./root.js";
import { TrustError } from "./trust-error.js";
import { timeMs, type TrustTime } from "./trust-time.js";

/** Whom a runtime is for. Every object must be of this organization, project and environment. */
export interface TrustIdentity {
  readonly orgId: string;
  readonly projectId: string;
  /** The name. */
  readonly environment: string;
}

/** A root that follows the pinned one. */
export interface StoredRoot {
  /** A hint, by which roots up to a newer pinned one are skipped. */
  readonly version: number;
  readonly envelope: string;
}

/**
 * What a runtime persists beside the content, as JSON: the envelopes, from which everything else follows. The floors (sequence, time,
 * number of the release) are those of the envelopes, so that where one no longer verifies, its floor goes with it.
 */
export interface TrustState {
  readonly type: "signet-state/1";
  readonly identity: TrustIdentity;
  /** The pinned root is not among them. */
  readonly roots: readonly StoredRoot[];
  readonly lease: string | null;
  readonly activation: string | null;
  readonly release: string | null;
}

/** An object that verified, with its envelope. */
export interface Held<T> {
  readonly envelope: string;
  /** SHA-256 of the payload, in hex. */
  readonly digest: string;
  readonly value: T;
}

/** What a runtime enforces. */
export interface Running {
  /** SHA-256 of the content's bytes, in hex. */
  readonly content: string;
  /** Of the content, in bytes. */
  readonly size: number;
  /** SHA-256 of the activation's payload, in hex. */
  readonly activation: string;
  readonly sequence: number;
  /** Of the bundle. */
  readonly version: number;
  /** SHA-256 of the payload of the release that was verified, in hex; null where the root asks for none. */
  readonly release: string | null;
}

/** A state of which everything was verified by the newest root. Immutable: an update makes a new one. */
export interface TrustedState {
  readonly identity: TrustIdentity;
  /** The newest. */
  readonly root: Root;
  readonly roots: readonly StoredRoot[];
  readonly lease: Held<Lease> | null;
  readonly activation: Held<ActivationStatement> | null;
  readonly release: Held<Release> | null;
  /** What runs; kept when a newer root no longer proves it. */
  readonly running: Running | null;
  /** Whether the newest root proves what runs. */
  readonly isProven: boolean;
}

/** What must not be undercut by the next lease. */
export interface Floor {
  readonly sequence: number;
  /** Under that sequence: the digest of its payload. */
  readonly activation: string | null;
  readonly issuedAt: TrustTime | null;
}

/**
 * How good what runs is.
 *
 * - `fresh`: proven to be the newest, until `until`.
 * - `expired`: lease or release have run out, or the newest root does not prove it.
 * - `revoked`: the newest root revokes the content or its release.
 * - `empty`: nothing runs.
 */
export type TrustCondition = "fresh" | "expired" | "revoked" | "empty";

/** The longest JSON text of a state, in UTF-16 units. */
export const MAX_STATE_LENGTH = 64 * 1024 * 1024;

/** The state of a runtime that has nothing yet but its pinned root. */
export function emptyState(root: Root, identity: TrustIdentity): TrustedState {
  const nothing = { lease: null, activation: null, release: null, running: null, isProven: false };
  return { identity, root, roots: [], ...nothing };
}

/** What of a state is persisted. */
export function storedState({ identity, roots, lease, activation, release }: TrustedState): TrustState {
  return {
    type: "signet-state/1",
    identity,
    roots,
    lease: lease?.envelope ?? null,
    activation: activation?.envelope ?? null,
    release: release?.envelope ?? null,
  };
}

/**
 * A persisted state from its JSON text: its form alone is checked, `verifyState` verifies what it holds.
 *
 * @throws TrustError `too_large` or `malformed`
 */
export function parseTrustState(text: string): TrustState {
  if (text.length > MAX_STATE_LENGTH) throw new TrustError("too_large", "the stored state is too long");
  try {
    scanStrictJson(text, { maxDepth: 4, base: ["state"] });
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause;
    throw new TrustError("malformed", "the stored state is not strict JSON", { cause });
  }
  const state = JSON.parse(text) as Partial<TrustState> | null;
  const isGood =
    state?.type === "signet-state/1" &&
    isIdentity(state.identity) &&
    Array.isArray(state.roots) &&
    state.roots.every(isStoredRoot) &&
    [state.lease, state.activation, state.release].every((it) => it === null || typeof it === "string");
  if (!isGood) throw new TrustError("malformed", "the stored state is not signet-state/1");
  return state as TrustState;
}

/** The floor of a state. The newest of lease and activation counts: after a change of keys one of them may be gone. */
export function floorOf({ lease, activation }: TrustedState): Floor {
  const issuedAt = lease?.value.issuedAt ?? null;
  const [leased, activated] = [lease?.value.sequence ?? 0, activation?.value.sequence ?? 0];
  return leased >= activated
    ? { sequence: leased, activation: lease?.value.activation ?? null, issuedAt }
    : { sequence: activated, activation: activation?.digest ?? null, issuedAt };
}

/** The time that a runtime goes by, in milliseconds since the epoch: its own clock's, but not before the newest lease that it saw. */
export function trustNow({ lease }: TrustedState, ownMs: number): number {
  return lease === null ? ownMs : Math.max(ownMs, timeMs(lease.value.issuedAt));
}

/** How good what runs is, and how long it stays so: the earlier of the expiry of lease and release; null but for `fresh`. */
export function conditionOf(
  state: TrustedState,
  ownMs: number,
): { readonly condition: TrustCondition; readonly until: TrustTime | null } {
  const { root, running, lease, isProven } = state;
  if (running === null) return { condition: "empty", until: null };
  if (isRevoked(root, running.content) || isRevoked(root, running.release))
    return { condition: "revoked", until: null };
  const until = expiryOf(state);
  const isFresh = isProven && lease !== null && until !== null && trustNow(state, ownMs) < timeMs(until);
  return isFresh ? { condition: "fresh", until } : { condition: "expired", until: null };
}

/** Whether a root revokes a digest. */
export function isRevoked({ revoked }: Root, digest: string | null): boolean {
  return digest !== null && revoked.includes(digest);
}

/** The earlier of the expiry of lease and release; null without a lease. */
export function expiryOf({ root, identity, lease, release }: TrustedState): TrustTime | null {
  if (lease === null) return null;
  const needsRelease = ruleOf(root, "release", identity.environment).threshold > 0;
  const released = needsRelease ? (release?.value.expiresAt ?? null) : null;
  return released !== null && released < lease.value.expiresAt ? released : lease.value.expiresAt;
}

function isIdentity(value: unknown): boolean {
  const { orgId, projectId, environment } = (value ?? {}) as Partial<Record<keyof TrustIdentity, unknown>>;
  return [orgId, projectId, environment].every((part) => typeof part === "string");
}

function isStoredRoot(value: unknown): boolean {
  const { version, envelope } = (value ?? {}) as Partial<Record<keyof StoredRoot, unknown>>;
  return Number.isSafeInteger(version) && typeof envelope === "string";
}
