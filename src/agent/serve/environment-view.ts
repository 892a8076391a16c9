import { contentDigest } from "../../bundle/policy-hash.js";
import type { PackSource, VerifiedPack } from "../source/environment-pack.js";
import { notNow, Refusal } from "./local-answer.js";

/** The activation that a reader has already, where it resumes. */
export interface Cursor {
  /** 0 for nothing. */
  readonly sequence: number;
  /** Empty when the reader does not name it; with it the sequence decides nothing. */
  readonly deploymentId: string;
}

/** An environment as local readers see it, with the listeners to its changes. */
export class EnvironmentView implements Disposable {
  readonly #waiting = new Set<() => void>();
  readonly #ends: readonly (() => void)[];
  #isWaking = false;
  /** Answers that were given while the server had not been reached since the start. */
  answersFromDisk = 0;

  constructor(
    readonly label: string,
    readonly source: PackSource,
  ) {
    const wake = () => this.#wake();
    this.#ends = [source.on("update", wake), source.on("state", wake), source.on("proof", wake)];
  }

  /** The pack that may be served. */
  get pack(): VerifiedPack | null {
    return this.source.current;
  }

  /** The attestation of a pack; null when there is none for it now. */
  attestationOf({ deploymentId, sequence }: VerifiedPack): string | null {
    const { proof } = this.source;
    return proof.deploymentId === deploymentId && proof.sequence === sequence ? proof.attestation : null;
  }

  /** Whether it is proven that nothing is active. */
  get isEmpty(): boolean {
    const { lease, activation } = this.source.proof;
    return lease !== null && activation === null && this.pack === null;
  }

  /** Calls `woken` after each change of pack, state or proof, until it is disposed of. */
  onChange(woken: () => void): Disposable {
    this.#waiting.add(woken);
    return { [Symbol.dispose]: () => void this.#waiting.delete(woken) };
  }

  /** Why there is nothing to serve. */
  absence(): Refusal {
    const { status } = this.source;
    if (status.state === "expired" || status.state === "revoked") {
      return notNow(status.state, `${this.label} is ${status.state}, and the agent is set to close it then`);
    }
    if (this.isEmpty) return new Refusal(404, null, "no active bundle");
    return notNow("not_ready", `the agent has nothing of ${this.label} yet`);
  }

  /** Counts an answer. */
  answered(): void {
    if (this.source.status.isFromDisk) this.answersFromDisk += 1;
  }

  [Symbol.dispose](): void {
    for (const end of this.#ends) end();
  }

  /** Once for all that changed together: a pack and its proof come one after the other. */
  #wake(): void {
    if (this.#isWaking) return;
    this.#isWaking = true;
    queueMicrotask(() => {
      this.#isWaking = false;
      for (const woken of this.#waiting) woken();
    });
  }
}

/** Whether a reader has a pack, as it says. */
export function hasPack({ sequence, deploymentId }: Cursor, pack: VerifiedPack): boolean {
  return deploymentId === "" ? sequence === pack.sequence : deploymentId === pack.deploymentId;
}

/** The entity tag of a pack, without quotes: the server's. */
export function entityTagOf({ policyHash, sequence }: VerifiedPack): string {
  return `${policyHash}.${sequence}`;
}

/** The headers that name a pack in an answer: the server's. */
export function packHeaders(pack: VerifiedPack): Readonly<Record<string, string>> {
  return {
    ETag: `"${entityTagOf(pack)}"`,
    "Cache-Control": "private, no-cache, no-transform",
    "Signet-Sequence": String(pack.sequence),
    "Signet-Deployment-Id": pack.deploymentId,
  };
}

/** The lease beside an answer. */
export function leaseHeader(lease: string | null): Readonly<Record<string, string>> {
  return lease === null ? {} : { "Signet-Lease": Buffer.from(lease).toString("base64url") };
}

/** The SHA-256 of a content (RFC 9530). */
export function digestHeader({ policyHash }: VerifiedPack): Readonly<Record<string, string>> {
  return { "Content-Digest": `sha-256=:${Buffer.from(contentDigest(policyHash), "hex").toString("base64")}:` };
}
