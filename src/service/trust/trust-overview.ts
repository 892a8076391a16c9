import type { PublicKey } from "../../bundle/keys.js";
import { contentDigest } from "../../bundle/policy-hash.js";
import type { RoleRule } from "../../bundle/trust/root.js";
import { isRevoked } from "../../bundle/trust/trust-state.js";
import { timeMs } from "../../bundle/trust/trust-time.js";
import { addSeconds, instantOf, type Clock, type Instant } from "../../core/clock.js";
import { nextTurn } from "../../core/schedule/in-steps.js";
import type { Deployment } from "../../core/bundle.js";
import type { Environment } from "../../core/organization.js";
import type { Reader } from "../../store/store.js";
import type { ReleaseRules } from "./release-rules.js";
import type { ReleaseSigners } from "./release-signers.js";
import { refusalOf, releaseRule, revokedContent, unreleased, type Refusal } from "./release-verdict.js";
import { notServed } from "./root-check.js";
import type { KnownRoot } from "./root-documents.js";

/** What ends within this time is warned of. */
const WARNED_SECONDS = 30 * 86_400;

/** Environments that are looked at together, and in one turn of the event loop. */
const AT_ONCE = 20;

const NO_RULE: RoleRule = { threshold: 0, keyIds: [] };

/** What is active in an environment, as runtimes see it under a root. */
export interface ActiveTrust {
  readonly sequence: number;
  readonly contentSha256: string;
  /** The release that the activation names. */
  readonly releaseDigest: string | null;
  readonly releaseExpiresAt: Instant | null;
  /** Why runtimes refuse it; null when they take it. */
  readonly refusal: Refusal | null;
}

/** How an environment stands under a root. */
export interface EnvironmentTrust {
  readonly environment: string;
  /** Of releases; 0 without a root. */
  readonly threshold: number;
  readonly authorIds: readonly string[];
  /** Null while nothing is active. */
  readonly active: ActiveTrust | null;
}

/** Says how the environments of a project stand under a root, and what needs attention. */
export class TrustOverview {
  constructor(
    private readonly deps: {
      readonly clock: Clock;
      readonly signers: ReleaseSigners;
      readonly releaseRules: Pick<ReleaseRules, "named">;
      readonly serverKeys: () => readonly PublicKey[];
    },
  ) {}

  /** The state of each environment under a root; without one nothing is refused. */
  async environments(
    reader: Reader,
    known: KnownRoot | null,
    environments: readonly Environment[],
  ): Promise<readonly EnvironmentTrust[]> {
    const states: EnvironmentTrust[] = [];
    for (let first = 0; first < environments.length; first += AT_ONCE) {
      const some = environments.slice(first, first + AT_ONCE);
      states.push(...(await Promise.all(some.map((environment) => this.#environment(reader, known, environment)))));
      await nextTurn();
    }
    return states;
  }

  /** What expires within 30 days or has expired, and what runtimes refuse; nothing without a root. */
  warnings(known: KnownRoot | null, states: readonly EnvironmentTrust[]): readonly string[] {
    if (known === null) return [];
    const { root } = known;
    const now = instantOf(this.deps.clock.now());
    const names = new Set(states.map(({ environment }) => environment));
    const unknown = [...root.environments.keys()].filter((name) => !names.has(name));
    const keys = this.deps.serverKeys();
    const unserved = [null, ...names].flatMap((name) => notServed(root, name, keys) ?? []);
    return [
      ...endWarning(`root ${root.version}`, instantOf(new Date(timeMs(root.expiresAt))), now),
      ...unserved.slice(0, 1).map((why) => `runtimes refuse what this server signs: root ${root.version} ${why}`),
      ...unknown.map((name) => `root ${root.version} has rules for "${name}", which is no environment of the project`),
      ...states.flatMap(({ environment, active }) => activeWarnings(environment, active, now)),
    ];
  }

  async #environment(reader: Reader, known: KnownRoot | null, environment: Environment): Promise<EnvironmentTrust> {
    const rule = known === null ? NO_RULE : releaseRule(known.root, environment.name);
    const active = await this.#active(reader, known, environment);
    return { environment: environment.name, threshold: rule.threshold, authorIds: rule.keyIds, active };
  }

  /** The release that an activation names, or will name once it is attested: after a restore nobody may have asked for it yet. */
  async #releaseOf(reader: Reader, deployment: Deployment): Promise<string | null> {
    const attestation = await reader.activationAttestation(deployment.id);
    if (attestation !== null) return attestation.releaseDigest;
    const before = await reader.attestationBefore(deployment.environmentId, deployment.sequence);
    const named = await this.deps.releaseRules.named(reader, deployment, before?.releaseDigest ?? null);
    return named?.digest ?? null;
  }

  async #active(reader: Reader, known: KnownRoot | null, environment: Environment): Promise<ActiveTrust | null> {
    const { orgId, projectId, name, activeDeploymentId } = environment;
    const deployment = activeDeploymentId === null ? null : await reader.deployment(orgId, activeDeploymentId);
    if (deployment === null) return null;
    const contentSha256 = contentDigest(deployment.policyHash);
    const releaseDigest = await this.#releaseOf(reader, deployment);
    const release = releaseDigest === null ? null : await reader.release(projectId, releaseDigest);
    const active = {
      ...{ sequence: deployment.sequence, contentSha256, releaseDigest },
      releaseExpiresAt: release?.expiresAt ?? null,
    };
    if (known === null) return { ...active, refusal: null };
    const { root } = known;
    if (isRevoked(root, contentSha256)) return { ...active, refusal: revokedContent(name) };
    if (releaseRule(root, name).threshold === 0) return { ...active, refusal: null };
    if (release === null) return { ...active, refusal: unreleased(root, name) };
    const signedBy = await this.deps.signers.of(known, release);
    const now = instantOf(this.deps.clock.now());
    return {
      ...active,
      refusal: refusalOf(root, release, signedBy, {
        environment: name,
        mediaType: deployment.mediaType,
        now,
        leastNumber: null,
      }),
    };
  }
}

function activeWarnings(environment: string, active: ActiveTrust | null, now: Instant): readonly string[] {
  if (active === null) return [];
  if (active.refusal !== null) return [`runtimes refuse what is active: ${active.refusal.message}`];
  if (active.releaseExpiresAt === null) return [];
  return endWarning(`the release that is active in "${environment}"`, active.releaseExpiresAt, now);
}

function endWarning(what: string, end: Instant, now: Instant): readonly string[] {
  if (end <= now) return [`${what} expired at ${end}`];
  return end <= addSeconds(now, WARNED_SECONDS) ? [`${what} expires at ${end}`] : [];
}
