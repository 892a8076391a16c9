import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Key } from "../../../../gen/signet/v1/bundle_pb.js";

/** What keys sign. */
export const PURPOSES = [
  ["bundles", "Bundles", "Signs every version. Runtimes that pin keys pin this one."],
  ["attestation", "Attestation", "Signs activations and leases, for projects with a root document."],
  ["audit", "Audit", "Signs the audit's events, heads and checkpoints."],
  ["webhooks", "Webhooks", "Signs deliveries, beside each webhook's own secret."],
  ["opa", "Open Policy Agent", "Signs the archives that OPA takes (ES256)."],
] as const;

/** What a key signs. */
export type Purpose = (typeof PURPOSES)[number][0];

/** The keys of one owner for one purpose. */
export interface KeyGroup {
  /** "server", or the id of an organization or environment. */
  readonly owner: string;
  /** The name of the environment whose own keys they are; undefined for the server's and an organization's. */
  readonly environment: string | undefined;
  readonly isServer: boolean;
  /** The current one, the announced one, then former ones, newest first. */
  readonly keys: readonly Key[];
}

const ORDER: Readonly<Record<string, number>> = { current: 0, next: 1, previous: 2 };

/** The keys of a purpose by their owners: the server's first. */
export function groupKeys(keys: readonly Key[], purpose: Purpose): readonly KeyGroup[] {
  const groups = new Map<string, { group: Omit<KeyGroup, "keys">; keys: Key[] }>();
  for (const key of keys) {
    if (key.purpose !== purpose) continue;
    const owner = key.environmentId ?? key.orgId ?? "server";
    const known = groups.get(owner);
    if (known !== undefined) known.keys.push(key);
    else {
      const isServer = owner === "server";
      groups.set(owner, { group: { owner, environment: key.environment, isServer }, keys: [key] });
    }
  }
  const madeMs = ({ createdAt }: Key) => (createdAt === undefined ? 0 : timestampMs(createdAt));
  return [...groups.values()]
    .map(({ group, keys: own }) => ({
      ...group,
      keys: own.toSorted((a, b) => (ORDER[a.state] ?? 3) - (ORDER[b.state] ?? 3) || madeMs(b) - madeMs(a)),
    }))
    .toSorted((a, b) => Number(b.isServer) - Number(a.isServer));
}
