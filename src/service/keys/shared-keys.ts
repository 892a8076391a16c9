import { parsePrivateKey } from "../../bundle/keys.js";
import { instantOf, type Clock } from "../../core/clock.js";
import { AppError } from "../../core/error.js";
import type { SealedKey } from "../../core/key.js";
import type { Store, Writer } from "../../store/store.js";
import { givenPem, loadKey, newPem } from "./rotated-key.js";
import { createDerivedKeys } from "./derived-keys.js";
import { createNodeSigner } from "./ed25519-node.js";
import type { LastKeys, SharedKeySet, SigningKeys } from "./key-files.js";
import { KeySealer } from "./key-sealer.js";
import { signerFor, newPemFor } from "./key-kinds.js";
import { keepFirstSet, keyIdOf, publicPemOf, sealKeySet, withKeyFor } from "./sealed-key-set.js";
import { openRotatedSlots, SharedRotatedKey, type RotatedSlots, type SlotKey } from "./shared-rotated-key.js";
import { settleGiven, type GivenKeys } from "./given-keys.js";

/** No setting gives an attestation key. */
const NONE: ReadonlyMap<string, string> = new Map();

/** What a node brings to the keys that it shares with others. */
export interface SharedKeyOptions {
  /** SIGNET_KEY_SECRET. */
  readonly secret: string | null;
  /** SIGNET_SIGNING_KEY: a PEM or the path of one; null is the key in the database. */
  readonly signingKey: string | null;
  /** SIGNET_NEXT_SIGNING_KEY, likewise. */
  readonly nextSigningKey: string | null;
  readonly clock: Clock;
  /**
   * Whether another node is up. One that starts with another SIGNET_SIGNING_KEY is refused then; alone, it makes its key the current one,
   * as a server with a data directory does.
   */
  readonly othersLive: () => Promise<boolean>;
}

/** The keys of several nodes, as one of them has them. */
export interface SharedKeys {
  readonly keys: SigningKeys & { readonly shared: SharedKeySet };
  readonly lastKeys: LastKeys;
  /** Calls `listener` after each change of the keys in memory. */
  readonly onChanged: (listener: () => void) => void;
}

/**
 * The keys that all nodes of a database share, in the place of openSigningKeys and openLastKeys: opens those in the database, or makes them
 * in a new one. The start then calls keepPublicKeys with them before it listens, as for a data directory, and follows the changes of
 * other nodes (server/compose/keys.ts, followKeys).
 *
 * Throws `invalid` for a secret that is missing, too short or not the one of the other nodes; `conflict` for a SIGNET_SIGNING_KEY or
 * SIGNET_NEXT_SIGNING_KEY other than theirs; `signing_failed` for a setting that is no Ed25519 key, and for a database that has signed
 * with keys that are missing.
 */
export async function openSharedKeys(store: Store, options: SharedKeyOptions): Promise<SharedKeys> {
  const { clock } = options;
  const sealer = new KeySealer(options.secret);
  const given = givenKeys(options);
  const found = await openOrMake(store, sealer, given, options);
  const at = instantOf(clock.now());
  const attesting = await withKeyFor("attestation", store, found, sealer, at);
  const rows = await withKeyFor("opa", store, attesting, sealer, at);
  const pemOf = async (slot: SealedKey["slot"]) => {
    const row = rows.find((it) => it.slot === slot);
    if (row === undefined) throw new AppError("signing_failed", `the key for ${slot} is missing in the database`);
    return await sealer.open(row);
  };
  const audit = createNodeSigner(await pemOf("audit"));
  const webhookPem = await pemOf("webhooks");
  const webhooks = createNodeSigner(webhookPem);
  const derivedWebhooks = createDerivedKeys("webhooks", parsePrivateKey(webhookPem));
  const opa = signerFor("opa", await pemOf("opa"));

  const parts = { store, clock, sealer };
  const attestation = {
    ...parts,
    purpose: "attestation",
    otherKeyIds: [audit.keyId, webhooks.keyId],
    given: NONE,
  } as const;
  const attestationKey = new SharedRotatedKey(attestation, await openRotatedSlots(rows, sealer, attestation));

  const otherKeyIds = [...attestation.otherKeyIds, attestationKey.current.keyId];
  const pems = [given.current, given.next].flatMap((it) => (it === null ? [] : [[it.keyId, it.pem] as const]));
  const bundleOptions = { ...parts, purpose: "bundles", otherKeyIds, given: new Map(pems) } as const;
  const opened = await openRotatedSlots(rows, sealer, bundleOptions);
  const slots = await settleGiven(opened, given, options.othersLive, (it) => slotOf(it, bundleOptions));
  const bundleKey = new SharedRotatedKey(bundleOptions, slots);
  return {
    keys: {
      ...{ audit, webhooks, opa, bundleKey, attestationKey },
      get attestation() {
        return attestationKey.current;
      },
      get bundles() {
        return bundleKey.current;
      },
      get problem() {
        return bundleKey.problem;
      },
      get lastBundlesPem() {
        return bundleKey.problem === null ? null : bundleKey.publicPem;
      },
      shared: sharedSet(bundleKey, attestationKey, await adoption(bundleKey, opened, slots)),
      derive: (purpose, owner) => (purpose === "bundles" ? bundleKey.derive(owner) : derivedWebhooks.of(owner)),
    },
    // The rows are what the last start left, and authentic: the key before is endorsed if this start replaces it.
    lastKeys: {
      pems: {
        bundles: opened.current.publicPem,
        audit: audit.publicKeyPem,
        webhooks: webhooks.publicKeyPem,
        attestation: attestationKey.publicPem,
        opa: opa.publicKeyPem,
      },
      remember: () => undefined,
    },
    onChanged: (listener) => {
      bundleKey.onChanged(listener);
      attestationKey.onChanged(listener);
    },
  };
}

async function openOrMake(
  store: Store,
  sealer: KeySealer,
  given: GivenKeys,
  { clock }: SharedKeyOptions,
): Promise<readonly SealedKey[]> {
  const kept = await store.read.sealedKeys();
  if (kept.length > 0) return kept;
  // What a setting gives is kept by its public half: it says which key the nodes have, and the private one stays where it is.
  const bundles = given.current === null ? newPem() : publicPemOf(given.current.pem);
  const made = await sealKeySet(
    { bundles, audit: newPem(), webhooks: newPem(), attestation: newPem(), opa: newPemFor("opa") },
    sealer,
    instantOf(clock.now()),
  );
  return await keepFirstSet(store, made);
}

function givenKeys({ signingKey, nextSigningKey }: SharedKeyOptions): GivenKeys {
  const of = (value: string | null, setting: string) => {
    if (value === null) return null;
    const pem = givenPem(value, setting);
    return { pem, keyId: keyIdOf(pem) };
  };
  return { current: of(signingKey, "SIGNET_SIGNING_KEY"), next: of(nextSigningKey, "SIGNET_NEXT_SIGNING_KEY") };
}

function slotOf(
  { keyId, pem }: { readonly keyId: string; readonly pem: string },
  options: Parameters<typeof loadKey>[1],
): SlotKey {
  const loaded = loadKey(pem, options);
  return { keyId, publicPem: loaded.signer.publicKeyPem, loaded, isGiven: true };
}

/** What this start changes of the rows, encrypted before the transaction that stores it. */
async function adoption(key: SharedRotatedKey, opened: RotatedSlots, { current, next }: RotatedSlots) {
  const isNewCurrent = current.keyId !== opened.current.keyId;
  return {
    opened: { bundles: opened.current.keyId, next: opened.next?.keyId },
    current: isNewCurrent ? await key.seal("bundles", current.keyId, current.publicPem) : null,
    next: next !== null && opened.next === null ? await key.seal("next", next.keyId, next.publicPem) : null,
    dropsNext: opened.next !== null && next === null,
  };
}

function sharedSet(
  key: SharedRotatedKey,
  attestationKey: SharedRotatedKey,
  adopted: Awaited<ReturnType<typeof adoption>>,
): SharedKeySet {
  return {
    get isStale() {
      return key.isStale;
    },
    get nextProblem() {
      return key.nextProblem;
    },
    async refresh() {
      const changed = [await key.refresh(), await attestationKey.refresh()];
      return changed.includes(true);
    },
    areCurrent: (tx, also) => key.areCurrent(tx, also),
    requireCurrent: (tx) => key.requireCurrent(tx),
    async adoptIn(tx: Writer) {
      const { opened, current, next, dropsNext } = adopted;
      const ids = await tx.sealedKeyIds();
      if (ids.bundles !== opened.bundles || ids.next !== opened.next) {
        throw new AppError("conflict", "another node changed the signing keys while this one started: start it again");
      }
      if (current !== null) await tx.putSealedKey(current);
      if (next !== null) await tx.putSealedKey(next);
      if (dropsNext) await tx.deleteSealedKey("next");
    },
  };
}
