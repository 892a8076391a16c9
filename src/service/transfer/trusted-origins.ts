import { randomUUID } from "node:crypto";
import { parsePublicKey, type PublicKey } from "../../bundle/keys.js";
import { instantOf, type Clock } from "../../core/clock.js";
import { AppError, invalidField, notFound } from "../../core/error.js";
import type { Principal } from "../../core/token.js";
import type { TrustedKey, TrustedOrigin } from "../../core/transfer.js";
import type { Listed, Page } from "../../store/page.js";
import type { Store } from "../../store/store.js";
import { actorOf, type Audit } from "../audit/audit.js";

/** With the keys of each (the proto's max_items) it bounds the work on an envelope that nobody trusted signed. */
const MAX_ORIGINS = 50;

/** A trusted key and its origin. */
export interface OriginKey {
  readonly origin: TrustedOrigin;
  readonly key: PublicKey;
}

/** The sites whose exports an organization imports. */
export class TrustedOrigins {
  constructor(private readonly deps: { readonly store: Store; readonly clock: Clock; readonly audit: Audit }) {}

  /** Throws `invalid` for a text that is no key, `conflict` for a name or key that is there already, and `quota_exceeded`. */
  async create(caller: Principal, name: string, publicKeyPems: readonly string[]): Promise<TrustedOrigin> {
    const keys = keysOf(publicKeyPems);
    const { store, clock, audit } = this.deps;
    return await store.write(async (tx) => {
      const existing = await tx.trustedOrigins(caller.orgId);
      if (existing.length >= MAX_ORIGINS) {
        throw new AppError("quota_exceeded", `an organization has at most ${MAX_ORIGINS} trusted origins`);
      }
      refuseTaken(existing, name, keys);
      const origin: TrustedOrigin = {
        id: randomUUID(),
        orgId: caller.orgId,
        name,
        keys,
        createdAt: instantOf(clock.now()),
        createdBy: actorOf(caller),
      };
      await tx.insertTrustedOrigin(origin);
      await audit.record(tx, caller.orgId, caller, entryOf("trusted_origin.created", origin));
      return origin;
    });
  }

  /** By name. */
  async list(caller: Principal, { limit, offset }: Page): Promise<Listed<TrustedOrigin>> {
    const all = await this.deps.store.read.trustedOrigins(caller.orgId);
    return { rows: all.slice(offset, offset + limit), total: all.length };
  }

  /** Throws `not_found`. */
  async delete(caller: Principal, id: string): Promise<void> {
    const { store, audit } = this.deps;
    await store.write(async (tx) => {
      const origin = (await tx.trustedOrigins(caller.orgId)).find((it) => it.id === id);
      if (origin === undefined) throw notFound("trusted origin", id);
      await tx.deleteTrustedOrigin(id);
      await audit.record(tx, caller.orgId, caller, entryOf("trusted_origin.deleted", origin));
    });
  }
}

/** All keys that an organization trusts. */
export function originKeys(origins: readonly TrustedOrigin[]): readonly OriginKey[] {
  return origins.flatMap((origin) =>
    origin.keys.map(({ publicKeyPem }) => ({ origin, key: parsePublicKey(publicKeyPem) })),
  );
}

function keysOf(pems: readonly string[]): readonly TrustedKey[] {
  const keys = new Map<string, TrustedKey>();
  for (const [index, pem] of pems.entries()) {
    const { keyId } = parsed(pem, index);
    keys.set(keyId, { keyId, publicKeyPem: pem });
  }
  return [...keys.values()];
}

function parsed(pem: string, index: number): PublicKey {
  try {
    return parsePublicKey(pem);
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    throw invalidField(["public_key_pems", String(index)], "must be an Ed25519 public key in PEM", "key");
  }
}

function refuseTaken(existing: readonly TrustedOrigin[], name: string, keys: readonly TrustedKey[]): void {
  if (existing.some((origin) => origin.name === name)) {
    throw new AppError("conflict", `there is a trusted origin "${name}": remove it first, or use another name`);
  }
  for (const { keyId } of keys) {
    const owner = existing.find((origin) => origin.keys.some((key) => key.keyId === keyId));
    if (owner === undefined) continue;
    throw new AppError("conflict", `the key ${keyId} belongs to the trusted origin "${owner.name}" already`);
  }
}

function entryOf(action: string, { id, name, keys }: TrustedOrigin) {
  const metadata = { name, key_ids: keys.map(({ keyId }) => keyId) };
  return { action, resourceType: "trusted_origin", resourceId: id, metadata };
}
