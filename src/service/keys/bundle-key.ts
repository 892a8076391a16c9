import { generateKeyPairSync } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parsePrivateKey } from "../../bundle/keys.js";
import type { Signer } from "../../bundle/signer.js";
import { AppError } from "../../core/error.js";
import type { KeyOwner } from "../../core/key.js";
import type { Writer } from "../../store/store.js";
import { createDerivedKeys, type DerivedKeys } from "./derived-keys.js";
import { createNodeSigner } from "./ed25519-node.js";
import { readSecretFile, writeSecretFile } from "./secret-file.js";

/** The private bundle key of a data directory. */
export const BUNDLE_KEY_FILE = "bundle-signing-key.pem";
const NEXT_FILE = "bundle-signing-key.next.pem";

/** Where the bundle keys come from. */
export interface BundleKeyOptions {
  readonly directory: string;
  /** A PEM or the path of one (SIGNET_SIGNING_KEY); null is the file of the data directory. */
  readonly given: string | null;
  /** The same for the announced next key (SIGNET_NEXT_SIGNING_KEY). */
  readonly givenNext: string | null;
  /** A new directory gets a new key; in an existing one a missing key is not replaced, because runtimes trust it. */
  readonly isNew: boolean;
  /** The ids of the keys of other purposes, which must not sign bundles. */
  readonly otherKeyIds: readonly string[];
}

/** A private key with what is derived from it. */
export interface LoadedKey {
  readonly pem: string;
  readonly signer: Signer;
  readonly derived: DerivedKeys;
}

/**
 * Commits a change of the bundle key in one transaction, in which it calls `keep`: that stores the keys themselves where they are in the
 * database. May run the transaction again.
 */
export type CommitKey = (next: Signer, keep: (tx: Writer) => Promise<void>) => Promise<void>;

/** The server's key for bundles, and the next one between its announcement and its activation. */
export interface BundleKey {
  /** Signs now; throws `signing_failed` while there is a `problem`. */
  readonly current: Signer;
  /** The announced key; null without one. */
  readonly next: Signer | null;
  /** Why bundles cannot be signed; null if they can. */
  readonly problem: string | null;
  /** Whether the current key is a setting: then none is announced or withdrawn by a call. */
  readonly isGiven: boolean;
  /** Whether `next` can be activated by a call: not where it then has to become the setting, with a restart. */
  readonly canActivate: boolean;
  /** The key of an organization or an environment. */
  derive(owner: KeyOwner): Signer;
  /** The key that an organization or an environment will have; null while no next key is announced. */
  deriveNext(owner: KeyOwner): Signer | null;
  /** Creates the next key. Nothing is announced if `commit` rejects. */
  announce(commit: CommitKey): Promise<void>;
  /** Deletes the next key after `commit`. Throws a TypeError without one. */
  withdraw(commit: CommitKey): Promise<void>;
  /** Makes the next key the current one. If `commit` rejects, the key before stays. Throws a TypeError without a next key. */
  activate(commit: CommitKey): Promise<void>;
  /** Forgets a next key that was withdrawn before this start. */
  dropNext(): void;
}

/** Where keys are files, the transaction of a change has nothing to keep of them. */
const KEEP_NOTHING = async () => undefined;

/** The bundle keys of a data directory. With a missing or malformed key the server runs and `problem` says why it cannot sign. */
export class FileBundleKey implements BundleKey {
  #current: LoadedKey | null = null;
  #next: LoadedKey | null = null;
  readonly problem: string | null;
  readonly #unusable: Signer;

  constructor(private readonly options: BundleKeyOptions) {
    this.problem = problemOf(() => this.#open());
    this.#unusable = unusableSigner(this.problem ?? "");
  }

  get current(): Signer {
    return this.#current?.signer ?? this.#unusable;
  }

  get next(): Signer | null {
    return this.#next?.signer ?? null;
  }

  get isGiven(): boolean {
    return this.options.given !== null;
  }

  get canActivate(): boolean {
    return !this.isGiven;
  }

  derive(owner: KeyOwner): Signer {
    return this.#current?.derived.of(owner) ?? this.#unusable;
  }

  deriveNext(owner: KeyOwner): Signer | null {
    return this.#next?.derived.of(owner) ?? null;
  }

  /** The file comes first: a start after a crash finds the key, and records it as `commit` does. */
  async announce(commit: CommitKey): Promise<void> {
    const next = this.#load(newPem());
    writeSecretFile(this.#path(NEXT_FILE), next.pem);
    this.#next = next;
    try {
      await commit(next.signer, KEEP_NOTHING);
    } catch (thrown) {
      this.dropNext();
      throw thrown;
    }
  }

  async withdraw(commit: CommitKey): Promise<void> {
    if (this.#next === null) throw new TypeError("no next key is announced");
    await commit(this.#next.signer, KEEP_NOTHING);
    this.dropNext();
  }

  dropNext(): void {
    rmSync(this.#path(NEXT_FILE), { force: true });
    this.#next = null;
  }

  /** The file comes first: a start after a crash finds the new key, and records the change as `commit` does. */
  async activate(commit: CommitKey): Promise<void> {
    const next = this.#next;
    const before = this.#current;
    if (next === null || before === null) throw new TypeError("no next key is announced");
    writeSecretFile(this.#path(BUNDLE_KEY_FILE), next.pem);
    try {
      await commit(next.signer, KEEP_NOTHING);
    } catch (thrown) {
      writeSecretFile(this.#path(BUNDLE_KEY_FILE), before.pem);
      throw thrown;
    }
    this.#current = next;
    this.dropNext();
  }

  #open(): void {
    const { given, givenNext, isNew } = this.options;
    this.#current = this.#load(given === null ? this.#readOrCreate(isNew) : givenPem(given, "SIGNET_SIGNING_KEY"));
    const announced = readSecretFile(this.#path(NEXT_FILE));
    const nextPem = givenNext === null ? announced : givenPem(givenNext, "SIGNET_NEXT_SIGNING_KEY");
    if (nextPem === null) return;
    const next = this.#load(nextPem);
    if (next.signer.keyId !== this.#current.signer.keyId) this.#next = next;
    // The process ended between both steps of an activation.
    else if (announced !== null) this.dropNext();
  }

  #load(pem: string): LoadedKey {
    return loadBundleKey(pem, this.options.otherKeyIds);
  }

  #readOrCreate(mayCreate: boolean): string {
    return readOrCreateKey(this.#path(BUNDLE_KEY_FILE), mayCreate);
  }

  #path(name: string): string {
    return join(this.options.directory, name);
  }
}

/** A private key for bundles. Throws `signing_failed` for one of another purpose and for what is no Ed25519 key. */
export function loadBundleKey(pem: string, otherKeyIds: readonly string[]): LoadedKey {
  const signer = createNodeSigner(pem);
  if (otherKeyIds.includes(signer.keyId)) {
    throw new AppError("signing_failed", "the bundle signing key must not be a key of another purpose");
  }
  return { pem, signer, derived: createDerivedKeys("bundles", parsePrivateKey(pem)) };
}

/** The private key of a file, PEM; a new one where there is none and `mayCreate`. Throws `signing_failed` for a missing one. */
export function readOrCreateKey(path: string, mayCreate: boolean): string {
  const kept = readSecretFile(path);
  if (kept !== null) return kept;
  if (!mayCreate) throw new AppError("signing_failed", `the signing key ${path} is missing`);
  const pem = newPem();
  writeSecretFile(path, pem);
  return pem;
}

/** A new private key, PKCS#8 PEM. */
export function newPem(): string {
  return generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** The PEM of a setting that is a PEM or the path of one. Throws `signing_failed` if it cannot be read. */
export function givenPem(given: string, setting: string): string {
  if (given.includes("-----BEGIN")) return given;
  try {
    return readFileSync(given, "utf8");
  } catch (cause) {
    throw new AppError("signing_failed", `${setting} is neither a PEM nor the path of a readable file`, { cause });
  }
}

function problemOf(open: () => void): string | null {
  try {
    open();
    return null;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}

/** Stands for a key that cannot be used: signing throws `signing_failed` with `problem` as the cause. */
export function unusableSigner(problem: string): Signer {
  return {
    keyId: "",
    publicKeyPem: "",
    sign: () => Promise.reject(new AppError("signing_failed", "policy signing failed", { cause: new Error(problem) })),
  };
}
