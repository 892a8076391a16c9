import { nextTurn } from "../../core/schedule/in-steps.js";
import type { Instant } from "../../core/clock.js";
import type { Environment, Organization } from "../../core/organization.js";
import type { RuntimeInstance } from "../../core/runtime-instance.js";
import type { Reader } from "../../store/store.js";
import type { Signers } from "../keys/signers.js";

/** How many live instances trust the next key of their environment. */
export interface KeyTrust {
  readonly live: number;
  readonly trusting: number;
  /** Reported other keys. */
  readonly notTrusting: number;
  /** Reported no keys. */
  readonly unknown: number;
}

/** A live instance that did not report the next key of its environment. */
export interface UntrustingInstance {
  readonly instance: RuntimeInstance;
  readonly projectId: string;
  readonly environment: string;
  /** The key that it will need. */
  readonly keyId: string;
}

/** The trust of a server's instances in its next key. */
export interface ServerTrust {
  /** Of one organization. */
  readonly own: KeyTrust;
  readonly others: KeyTrust;
  /** Of that organization, the first MAX_SHOWN. */
  readonly untrusting: readonly UntrustingInstance[];
}

/** No instances. */
export const NO_TRUST: KeyTrust = { live: 0, trusting: 0, notTrusting: 0, unknown: 0 };

const MAX_SHOWN = 100;
/** Environments that are looked at in one turn of the event loop. */
const STEP = 200;

/**
 * Counts which live instances trust the next key of their environment, by organization `orgId` and all others.
 * Reads the environments of the whole server in steps.
 */
export async function countKeyTrust(
  reader: Reader,
  signers: Signers,
  { orgId, now }: { readonly orgId: string; readonly now: Instant },
): Promise<ServerTrust> {
  const counted = { own: NO_TRUST, others: NO_TRUST };
  const untrusting: UntrustingInstance[] = [];
  const organizations = new Map<string, Organization | null>();
  let after = "";
  for (;;) {
    const page = await reader.environmentsAfter(after, STEP);
    const counts = await reader.trustedKeyCounts(
      page.map(({ id }) => id),
      now,
    );
    const environments = new Map(page.map((it) => [it.id, it]));
    for (const { environmentId, keyIds, count } of counts) {
      const environment = environments.get(environmentId);
      const needed = environment && (await nextKeyId(reader, signers, environment, organizations));
      if (environment === undefined || needed === undefined) continue;
      const group = environment.orgId === orgId ? "own" : "others";
      const trusts = keyIds?.includes(needed) ?? null;
      counted[group] = add(counted[group], trusts, count);
      if (group === "own" && trusts !== true && untrusting.length < MAX_SHOWN) {
        untrusting.push(...(await shown(reader, environment, needed, keyIds, now, MAX_SHOWN - untrusting.length)));
      }
    }
    const last = page.at(-1);
    if (last === undefined || page.length < STEP) return { ...counted, untrusting };
    after = last.id;
    // The organizations of one page at a time: a server may have a million.
    organizations.clear();
    await nextTurn();
  }
}

async function nextKeyId(
  reader: Reader,
  signers: Signers,
  environment: Environment,
  known: Map<string, Organization | null>,
): Promise<string | undefined> {
  const { orgId } = environment;
  const organization = known.get(orgId) ?? (await reader.organization(orgId));
  known.set(orgId, organization);
  return organization === null ? undefined : signers.nextBundles(organization, environment)?.keyId;
}

function add(counts: KeyTrust, trusts: boolean | null, count: number): KeyTrust {
  return {
    live: counts.live + count,
    trusting: counts.trusting + (trusts === true ? count : 0),
    notTrusting: counts.notTrusting + (trusts === false ? count : 0),
    unknown: counts.unknown + (trusts === null ? count : 0),
  };
}

/** Those among the instances that were seen last; a large environment is not read to its end. */
async function shown(
  reader: Reader,
  { id, projectId, name }: Environment,
  keyId: string,
  keyIds: readonly string[] | null,
  now: Instant,
  most: number,
): Promise<readonly UntrustingInstance[]> {
  const { rows } = await reader.instances(id, { limit: MAX_SHOWN, offset: 0 });
  return rows
    .filter((it) => it.liveUntil > now && JSON.stringify(it.keyIds) === JSON.stringify(keyIds))
    .slice(0, most)
    .map((instance) => ({ instance, projectId, environment: name, keyId }));
}
