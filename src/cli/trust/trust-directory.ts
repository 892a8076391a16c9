import { existsSync, readdirSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { nobleVerifier } from "../../bundle/ed25519-noble.js";
import { formatRoot, parseRoot, ROOT_TYPE, ruleOf, type Root } from "../../bundle/trust/root.js";
import { boundedEnvelope, payloadDigest, requireThreshold, signersIn } from "../../bundle/trust/threshold.js";
import { TrustError } from "../../bundle/trust/trust-error.js";
import type { PublicKey } from "../../bundle/keys.js";
import { InputError, UsageError } from "../shell/cli-error.js";
import type { Io } from "../shell/io.js";
import { systemReason } from "../../sdk/runtime/node/node-files.js";
import { readTextFile, writeFileAtomically } from "../shell/text-files.js";
import { unsignedEnvelope } from "./envelopes.js";

/** A root document in a file, whose signatures may be missing. */
export interface RootFile {
  readonly file: string;
  /** The JSON text of the envelope. */
  readonly envelope: string;
  readonly root: Root;
}

/** The option of {@link withDirectory}. */
export interface DirectoryOptions {
  readonly dir: string;
}

/** The part of a group's help about the files. */
export const DIRECTORY_HELP = `
The files are in the directory trust/ (--dir names another): root.json is the newest root document and what runtimes get, 1.root.json,
2.root.json, … are all of them, draft.json is the next one until it is signed and published. None of them is secret. Private keys are
kept elsewhere.`;

/** Adds `--dir`. */
export function withDirectory(command: Command): Command {
  return command.option("--dir <directory>", "directory of the root documents", "trust");
}

/** The root documents of a project in a directory. */
export class TrustDirectory {
  constructor(
    private readonly path: string,
    readonly io: Io,
  ) {}

  /** The path of a file of the directory. */
  file(name: string): string {
    return join(this.path, name);
  }

  /** Makes the directory if it is not there. */
  async ready(): Promise<this> {
    await mkdir(this.path, { recursive: true }).catch((cause: unknown) => {
      throw new InputError(`cannot make ${this.path}: ${systemReason(cause)}`, { cause });
    });
    return this;
  }

  /** Whether there is a root or a draft. */
  get isUsed(): boolean {
    return existsSync(this.file("root.json")) || existsSync(this.file("draft.json"));
  }

  /** The newest signed root; null when there is none. Throws TrustError when its own keys did not sign it. */
  async newest(): Promise<RootFile | null> {
    return await this.#optional("root.json", readSignedRoot);
  }

  /** As newest. Throws InputError when there is none. */
  async requireNewest(): Promise<RootFile> {
    const newest = await this.newest();
    if (newest !== null) return newest;
    throw new InputError(
      `${this.file("root.json")} does not exist: signet trust init makes one, --dir names its directory`,
    );
  }

  /** The next root; null when there is none. */
  async draft(): Promise<RootFile | null> {
    return await this.#optional("draft.json", readRoot);
  }

  /** As draft. Throws InputError when there is none. */
  async requireDraft(): Promise<RootFile> {
    const draft = await this.draft();
    if (draft !== null) return draft;
    throw new InputError(`${this.file("draft.json")} does not exist: nothing waits to be signed`);
  }

  /** The files of the numbered roots, by version. */
  versions(): readonly string[] {
    if (!existsSync(this.path)) return [];
    const numbers = readdirSync(this.path).flatMap((name) => /^([1-9]\d{0,8})\.root\.json$/.exec(name)?.[1] ?? []);
    return numbers
      .map(Number)
      .sort((a, b) => a - b)
      .map((version) => this.file(`${version}.root.json`));
  }

  /** Replaces the draft by a root without signatures. */
  async writeDraft(root: Root): Promise<void> {
    await this.writeDraftEnvelope(unsignedEnvelope(ROOT_TYPE, formatRoot(root)));
  }

  /** Replaces the draft. */
  async writeDraftEnvelope(envelope: string): Promise<void> {
    await this.ready();
    await writeFileAtomically(this.file("draft.json"), `${envelope}\n`);
  }

  /** Keeps a root as the newest one. The draft goes when it is the same root; another draft stays, and may be of a version that is taken. */
  async keep({ envelope, root }: Pick<RootFile, "envelope" | "root">): Promise<void> {
    await this.ready();
    await writeFileAtomically(this.file(`${root.version}.root.json`), `${envelope}\n`);
    await writeFileAtomically(this.file("root.json"), `${envelope}\n`);
    const draft = await this.draft();
    if (draft !== null && payloadDigest(draft.envelope) === payloadDigest(envelope)) await this.discardDraft();
  }

  /** Removes the draft. */
  async discardDraft(): Promise<void> {
    await rm(this.file("draft.json"), { force: true });
  }

  async #optional(name: string, read: (file: string, io: Io) => Promise<RootFile>): Promise<RootFile | null> {
    return existsSync(this.file(name)) ? await read(this.file(name), this.io) : null;
  }
}

/** Reads a root document and verifies nothing. Throws InputError and TrustError; the message names the file. */
export async function readRoot(file: string, io: Io): Promise<RootFile> {
  const envelope = (await readTextFile(file, io)).trim();
  return await naming(file, async () => ({ file, envelope, root: rootIn(envelope) }));
}

/** As readRoot, and checks that its own keys signed it. */
export async function readSignedRoot(file: string, io: Io): Promise<RootFile> {
  const found = await readRoot(file, io);
  await naming(file, async () => {
    await requireThreshold(found.envelope, ROOT_TYPE, ruleOf(found.root, "root", null), nobleVerifier);
  });
  return found;
}

/** The root in an envelope of which nothing is verified. Throws TrustError. */
export function rootIn(envelope: string): Root {
  const { payloadType, payload } = boundedEnvelope(envelope);
  if (payloadType !== ROOT_TYPE) throw new TrustError("wrong_type", `the payload is ${payloadType}, not ${ROOT_TYPE}`);
  return parseRoot(payload);
}

/** How far one of the rules that a root must meet is met. */
export interface Signed {
  /** `root 2` or `root 3 itself`: whose keys must sign. */
  readonly by: string;
  readonly root: Root;
  readonly threshold: number;
  readonly keys: readonly PublicKey[];
  readonly signed: readonly PublicKey[];
}

/** The rules that a next root must meet: its own, and from version 2 on that of the root before. */
export async function signaturesOn({ envelope, root }: RootFile, before: RootFile | null): Promise<readonly Signed[]> {
  const of = async (by: string, ruling: Root): Promise<Signed> => {
    const { threshold, keys } = ruleOf(ruling, "root", null);
    return { by, root: ruling, threshold, keys, signed: await signersIn(envelope, ROOT_TYPE, keys, nobleVerifier) };
  };
  const own = await of(`root ${root.version}`, root);
  return before === null ? [own] : [await of(`root ${before.root.version}`, before.root), own];
}

/** Throws UsageError for a draft that is not the version after the newest root, for example when that one was published meanwhile. */
export function requireNext(draft: RootFile, newest: RootFile | null): void {
  const expected = (newest?.root.version ?? 0) + 1;
  if (draft.root.version === expected) return;
  throw new UsageError(
    `${draft.file} is version ${draft.root.version}, and version ${expected} is next: remove it and make the change again`,
  );
}

/** What `read` returns; a TrustError names the file. */
export async function naming<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (thrown) {
    if (thrown instanceof TrustError)
      throw new TrustError(thrown.code, `${file}: ${thrown.message}`, { cause: thrown });
    throw thrown;
  }
}
