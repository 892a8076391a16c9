import { generateKeyPairSync } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parsePrivateKey } from "../../bundle/keys.js";
import type { Signer } from "../../bundle/signer.js";
import { AppError } from "../../core/error.js";
import type { KeyOwner, RotatedPurpose } from "../../core/key.js";
import type { Reader, Writer } from "../../store/store.js";
import { createDerivedKeys, type DerivedKeys } from "./derived-keys.js";
import { createNodeSigner } from "./ed25519-node.js";
import { readSecretFile, writeSecretFile } from "./secret-file.js";

/** The private bundle key of a data directory. */
export const BUNDLE_KEY_FILE = "bundle-signing-key.pem";
/** The private attestation key of a data directory. */
export const ATTESTATION_KEY_FILE = "attestation-signing-key.pem";

const FILE_OF: Readonly<Record<RotatedPurpose, string>> = {
  bundles: BUNDLE_KEY_FILE,
  attestation: ATTESTATION_KEY_FILE,
};

/** The file of the announced next key of a purpose. */
export function nextFileOf(purpose: RotatedPurpose): string {
  return FILE_OF[purpose].replace(/\.pem$/, ".next.pem");
}

/** Where the keys of a purpose come from. */
export interface FileRotatedKeyOptions {
  readonly purpose: RotatedPurpose;
  readonly directory: string;
  /** A PEM or the path of one (SIGNET_SIGNING_KEY); null is the file of the data directory. */
  readonly given: string | null;
  /** The same for the announced next key (SIGNET_NEXT_SIGNING_KEY). */
  readonly givenNext: string | null;
  /** A new directory gets a new key; in an existing one a missing key is not replaced, because runtimes trust it. */
  readonly isNew: boolean;
  /** The ids of the keys of other purposes, which must not be this one. */
  readonly otherKeyIds: readonly string[];
}

/** A private key with what is derived from it. */
export interface LoadedKey {
  readonly pem: string;
  readonly signer: Signer;
  readonly derived: DerivedKeys;
}

/**
 * Commits a change of a key in one transaction, in which it calls `keep`: that stores the keys themselves where they are in the
 * database. May run the transaction again.
 */
export type CommitKey = (next: Signer, keep: (tx: Writer) => Promise<void>) => Promise<void>;

/** The server's key for bundles or attestation, and the next one between its announcement and its activation. */
export interface RotatedKey {
  /** Signs now; throws `signing_failed` while there is a `problem`. */
  readonly current: Signer;
  /** The announced key; null without one. */
  readonly next: Signer | null;
  /** Why it cannot sign; null if it can. */
  readonly problem: string | null;
  /** Whether the current key is a setting: then none is announced or withdrawn by a call. */
  readonly isGiven: boolean;
  /** Whether `next` can be activated by a call: not where it then has to become the setting, with a restart. */
  readonly canActivate: boolean;
  /** The key of an organization or an environment; of bundles only. */
  derive(owner: KeyOwner): Signer;
  /** The key that an organization or an environment will have; null while no next key is announced. */
  deriveNext(owner: KeyOwner): Signer | null;
  /** Creates the next key. Nothing is announced if `commit` rejects. */
  announce(commit: CommitKey): Promise<void>;
  /** Deletes the next key after `commit`. Throws a TypeError without one. */
  withdraw(commit: CommitKey): Promise<void>;
  /** Makes the next key the current one. If `commit` rejects, the key before stays. Throws a TypeError without a next key. */
  activate(commit: CommitKey): Promise<void>;
  /** Throws `conflict` (`key_changed`) if another node changed the keys, in a transaction. */
  requireCurrent(tx: Pick<Reader, "sealedKeyIds">): Promise<void>;
  /** Forgets a next key that was withdrawn before this start. */
  dropNext(): void;
}

/** Where keys are files, the transaction of a change has nothing to keep of them. */
const KEEP_NOTHING = async () => undefined;

/** The keys of a purpose in a data directory. With a missing or malformed key the server runs and `problem` says why it cannot sign. */
export class FileRotatedKey implements RotatedKey {
  #current: LoadedKey | null = null;
  #next: LoadedKey | null = null;
  readonly problem: string | null;
  readonly #unusable: Signer;

  constructor(private readonly options: FileRotatedKeyOptions) {
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
    writeSecretFile(this.#path(nextFileOf(this.options.purpose)), next.pem);
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

  /** This process alone has the files. */
  async requireCurrent(): Promise<void> {}

  dropNext(): void {
    rmSync(this.#path(nextFileOf(this.options.purpose)), { force: true });
    this.#next = null;
  }

  /** The file comes first: a start after a crash finds the new key, and records the change as `commit` does. */
  async activate(commit: CommitKey): Promise<void> {
    const next = this.#next;
    const before = this.#current;
    if (next === null || before === null) throw new TypeError("no next key is announced");
    writeSecretFile(this.#path(FILE_OF[this.options.purpose]), next.pem);
    try {
      await commit(next.signer, KEEP_NOTHING);
    } catch (thrown) {
      writeSecretFile(this.#path(FILE_OF[this.options.purpose]), before.pem);
      throw thrown;
    }
    this.#current = next;
    this.dropNext();
  }

  #open(): void {
    const { given, givenNext, isNew } = this.options;
    this.#current = this.#load(given === null ? this.#readOrCreate(isNew) : givenPem(given, "SIGNET_SIGNING_KEY"));
    const announced = readSecretFile(this.#path(nextFileOf(this.options.purpose)));
    const nextPem = givenNext === null ? announced : givenPem(givenNext, "SIGNET_NEXT_SIGNING_KEY");
    if (nextPem === null) return;
    const next = this.#load(nextPem);
    if (next.signer.keyId !== this.#current.signer.keyId) this.#next = next;
    // The process ended between both steps of an activation.
    else if (announced !== null) this.dropNext();
  }

  #load(pem: string): LoadedKey {
    return loadKey(pem, this.options);
  }

  #readOrCreate(mayCreate: boolean): string {
    return readOrCreateKey(this.#path(FILE_OF[this.options.purpose]), mayCreate);
  }

  #path(name: string): string {
    return join(this.options.directory, name);
  }
}

/** A private key of a purpose. Throws `signing_failed` for one of another purpose and for what is no Ed25519 key. */
export function loadKey(
  pem: string,
  { purpose, otherKeyIds }: Pick<FileRotatedKeyOptions, "purpose" | "otherKeyIds">,
): LoadedKey {
  const signer = createNodeSigner(pem);
  if (otherKeyIds.includes(signer.keyId)) {
    throw new AppError("signing_failed", `the signing key for ${purpose} must not be a key of another purpose`);
  }
  return { pem, signer, derived: createDerivedKeys(purpose, parsePrivateKey(pem)) };
}

/** The private key of a file, PEM; a new one where there is none and `mayCreate`. Throws `signing_failed` for a missing one. */
export function readOrCreateKey(path: string, mayCreate: boolean, make: () => string = newPem): string {
  const kept = readSecretFile(path);
  if (kept !== null) return kept;
  if (!mayCreate) throw new AppError("signing_failed", `the signing key ${path} is missing`);
  const pem = make();
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
