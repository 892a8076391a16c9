import { envelopeKeyId } from "../../bundle/envelope/dsse.js";
import type { PublicKey } from "../../bundle/keys.js";
import type { Root, RoleRule } from "../../bundle/trust/root.js";
import type { TrustTime } from "../../bundle/trust/trust-time.js";
import type { NamedKey } from "./public-keys.js";

/** What the first root of a project is made of. */
export interface FirstRoot {
  /** UUIDs. */
  readonly orgId: string;
  readonly projectId: string;
  /** The keys with which the server signs activations and leases. */
  readonly serverKeys: readonly PublicKey[];
  /** Who changes the root. */
  readonly rootKeys: readonly NamedKey[];
  /** How many of them must sign. */
  readonly threshold: number;
  readonly expiresAt: TrustTime;
}

/** Root 1 of level 1: the server's keys sign activations and leases, and no release is asked for. */
export function firstRoot({ orgId, projectId, serverKeys, rootKeys, threshold, expiresAt }: FirstRoot): Root {
  const online: RoleRule = { threshold: 1, keyIds: [...new Set(serverKeys.map(envelopeKeyId))] };
  const named = serverKeys.map((key, i) => ({ key, name: i === 0 ? "server" : `server-${i + 1}` }));
  const all = [...rootKeys, ...named].map(({ key, name }) => [envelopeKeyId(key), key, name] as const);
  return {
    orgId,
    projectId,
    version: 1,
    expiresAt,
    keys: new Map(all.map(([id, key]) => [id, key])),
    roles: {
      root: { threshold, keyIds: [...new Set(rootKeys.map(({ key }) => envelopeKeyId(key)))] },
      activation: online,
      lease: online,
      release: { threshold: 0, keyIds: [] },
    },
    environments: new Map(),
    rollback: "server",
    revoked: [],
    names: Object.fromEntries(all.map(([id, , name]) => [id, name])),
  };
}
