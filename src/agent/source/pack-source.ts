import { parseActivation } from "../../bundle/trust/activation.js";
import { boundedEnvelope } from "../../bundle/trust/threshold.js";
import { TrustError } from "../../bundle/trust/trust-error.js";
import { check } from "../../bundle/verify-arguments.js";
import { createNodePlatform } from "../../sdk/runtime/node/node-platform.js";
import { openRuntime } from "../../sdk/runtime/node/node-runtime.js";
import { sha256Hex } from "../../sdk/runtime/node/node-verifier.js";
import { Listeners } from "../../sdk/runtime/listeners.js";
import { Newest } from "../../sdk/runtime/newest.js";
import type { CurrentPolicies, Runtime } from "../../sdk/runtime/runtime.js";
import type { RuntimeProof } from "../../sdk/runtime/runtime-proof.js";
import { Rest } from "../../sdk/runtime/ways/http.js";
import type {
  PackOutcome,
  PackSource,
  PackSourceOptions,
  SourceEvents,
  SourceStatus,
  VerifiedPack,
} from "./environment-pack.js";
import { Pack } from "./pack.js";
import { PackFiles, type PartName } from "./pack-files.js";
import { Parts } from "./parts.js";
import { RootDocuments } from "./root-documents.js";
import { createUpstream, type Upstream } from "./upstream.js";

/**
 * Opens the source of an environment; resolves when the disk was read, whether the server is there or not.
 *
 * @throws TypeError for invalid options, TrustError for a root that is damaged or of another project
 */
export async function openPackSource(options: PackSourceOptions): Promise<PackSource> {
  const { directory, reports = "self", keeps = [], ...rest } = options;
  check(typeof directory === "string" && directory !== "", "directory", "the path of a directory");
  check(reports === "self" || reports === "caller", "reports", '"self" or "caller"');
  const runtime = await openRuntime({ ...rest, cache: directory, reports: reports === "self" || "caller" });
  return new RuntimeSource(runtime, options, keeps);
}

class RuntimeSource implements PackSource {
  readonly identity;
  readonly upstream: Upstream;
  readonly #listeners = new Listeners<SourceEvents>();
  readonly #newest = new Newest<VerifiedPack>();
  readonly #stop = new AbortController();
  readonly #connection;
  readonly #parts: Parts;
  readonly #roots: RootDocuments;
  readonly #refusals = new Map<string, number>();
  #pack: Pack | null = null;
  #lastUpdateAt: Date | null = null;

  constructor(
    private readonly runtime: Runtime,
    private readonly options: PackSourceOptions,
    private readonly keeps: readonly PartName[],
  ) {
    const { url, tls, token, identity, trust, directory } = options;
    this.identity = identity;
    this.#connection = createNodePlatform(url, tls).connect();
    const rest = new Rest(this.#connection.send, url.replace(/\/+$/, ""), token);
    const stop = this.#stop.signal;
    this.upstream = createUpstream(this.#connection.send, url, token);
    const files = new PackFiles(directory, identity);
    this.#parts = new Parts({ rest, files, stop, failed: (error) => this.#count(error) });
    const pinned = "root" in trust ? trust.root : null;
    this.#roots = new RootDocuments({ identity, rest, pinned, proof: () => runtime.proof, stop });
    runtime.on("update", (current) => this.#take(current));
    runtime.on("state", () => this.#listeners.tell("state", this.status));
    runtime.on("proof", (proof) => this.#listeners.tell("proof", proof));
    runtime.on("attempt", (attempt) => {
      if (attempt.error !== null) this.#count(attempt.error);
      this.#listeners.tell("attempt", attempt);
    });
    const { current } = runtime;
    if (current !== null) this.#take(current);
  }

  get current(): VerifiedPack | null {
    return this.runtime.current === null ? null : this.#pack;
  }

  get proof(): RuntimeProof {
    return this.runtime.proof;
  }

  get status(): SourceStatus {
    const { status } = this.runtime;
    return {
      ...status,
      sequence: this.#pack?.sequence ?? null,
      lastUpdateAt: this.#lastUpdateAt,
      refusalsByCode: this.#refusals,
      isFromDisk: status.connections === 0,
    };
  }

  updates(): AsyncIterable<VerifiedPack> {
    return this.#newest.read();
  }

  on<Name extends keyof SourceEvents>(name: Name, listener: (value: SourceEvents[Name]) => void): () => void {
    return this.#listeners.add(name, listener);
  }

  report({ sequence, deploymentId }: Pick<VerifiedPack, "sequence" | "deploymentId">, outcome: PackOutcome): void {
    this.runtime.report({ sequence, deploymentId, ...outcome });
  }

  async root(version: number): Promise<string | null> {
    return await this.#roots.get(version);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.runtime.close();
    this.#newest.close();
    this.#connection[Symbol.dispose]();
  }

  /** A verified update of the runtime. */
  #take({ content: text, hash, sequence, deploymentId }: CurrentPolicies): void {
    const { activation } = this.runtime.proof;
    const content = Buffer.from(text);
    // A text that has lost bytes when it was decoded is not what was signed: it was no UTF-8.
    if (activation === null || `sha256:${sha256Hex(content)}` !== hash) {
      const error = new TrustError("malformed", "the content is not UTF-8");
      this.#count(error);
      this.report({ sequence, deploymentId }, { state: "rejected", reason: `${error.code}: ${error.message}` });
      return;
    }
    const statement = parseActivation(boundedEnvelope(activation).payload);
    const pack = new Pack(this.identity, statement, content, this.#parts);
    this.#pack = pack;
    this.#parts.begin(pack);
    for (const part of this.keeps) void (part === "opa" ? pack.opaBundle() : pack.document()).catch(() => undefined);
    if (this.runtime.status.connections > 0) this.#lastUpdateAt = this.options.now?.() ?? new Date();
    this.#newest.set(pack);
    this.#listeners.tell("update", pack);
  }

  #count(error: Error): void {
    if (!(error instanceof TrustError)) return;
    this.#refusals.set(error.code, (this.#refusals.get(error.code) ?? 0) + 1);
  }
}
