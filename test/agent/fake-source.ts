import { createHash } from "node:crypto";
import type { OpaFile } from "../../src/bundle/opa/opa-file.js";
import type {
  PackOutcome,
  PackSource,
  SourceEvents,
  SourceStatus,
  VerifiedPack,
} from "../../src/agent/source/environment-pack.js";

export const IDENTITY = {
  orgId: "0b0c0d0e-0000-4000-8000-000000000001",
  projectId: "0b0c0d0e-0000-4000-8000-000000000002",
  environment: "prod",
};

export interface FakePackOptions {
  readonly policies?: unknown;
  readonly files?: Readonly<Record<string, string>>;
  readonly document?: () => Promise<Buffer>;
}

/** A pack of a sequence, with policies that say which. */
export function fakePack(sequence: number, options: FakePackOptions = {}): VerifiedPack {
  const policies = JSON.stringify(options.policies ?? { number: sequence });
  const content = Buffer.from(`{"policies":${policies},"scope_policies":{}}`);
  const digest = createHash("sha256").update(content).digest("hex");
  const document = Buffer.from(`{"policies":${policies},"sequence":${sequence}}`);
  const { files } = options;
  return {
    ...{ identity: IDENTITY, sequence, deploymentId: `d-${sequence}`, bundleId: `b-${sequence}`, version: sequence },
    ...{ kind: "publish", activatedAt: new Date(0), policyHash: `sha256:${digest}`, content },
    mediaType: files === undefined ? "application/json" : "application/vnd.openpolicyagent.bundles",
    documentDigest: createHash("sha256").update(document).digest("hex"),
    policies: () => Promise.resolve(Buffer.from(policies)),
    document: options.document ?? (() => Promise.resolve(document)),
    opaBundle: () => Promise.resolve(null),
    opaFiles: () => opaFilesOf(files ?? { "signet/data.json": content.toString() }),
  };
}

function opaFilesOf(files: Readonly<Record<string, string>>): readonly OpaFile[] {
  return Object.entries(files).map(([name, text]) => ({ name, bytes: Buffer.from(text) }));
}

/** A source of packs that the test makes. */
export class FakeSource implements PackSource {
  readonly identity = IDENTITY;
  current: VerifiedPack | null = null;
  readonly reports: (PackOutcome & { readonly sequence: number })[] = [];
  readonly #listeners = new Set<(pack: VerifiedPack) => void>();

  get status(): SourceStatus {
    throw new Error("not used");
  }

  push(pack: VerifiedPack): void {
    this.current = pack;
    for (const listener of this.#listeners) listener(pack);
  }

  get proof(): PackSource["proof"] {
    throw new Error("not used");
  }

  get upstream(): PackSource["upstream"] {
    throw new Error("not used");
  }

  root(): Promise<string | null> {
    throw new Error("not used");
  }

  updates(): AsyncIterable<VerifiedPack> {
    throw new Error("not used");
  }

  on<Name extends keyof SourceEvents>(name: Name, listener: (value: SourceEvents[Name]) => void): () => void {
    const entry = listener as (pack: VerifiedPack) => void;
    if (name === "update") this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  report({ sequence }: Pick<VerifiedPack, "sequence">, outcome: PackOutcome): void {
    this.reports.push({ sequence, ...outcome });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear();
  }
}
