import { expect } from "vitest";
import { verifyDocument, type Bundle, type PublicKey } from "../../src/sdk/index.js";
import { nodeVerifier } from "../../src/service/keys/ed25519-node.js";
import type { Place } from "./drivers/driver.js";

/** What a reader was told of an activation. */
export interface Told {
  readonly sequence: number;
  /** Without quotes. */
  readonly etag: string;
  readonly deploymentId: string;
  /** Empty when the reader has it already. */
  readonly document: string;
}

/** What was acknowledged in one environment, and what readers of it may be told. */
export class Ledger {
  /** The highest sequence that was acknowledged: who asks from now on is told this one or a later one. */
  floor = 0;
  readonly #acknowledged = new Map<number, Pick<Bundle, "policyHash" | "version" | "deploymentId">>();
  readonly #told = new Map<number, Told>();
  readonly #verified = new Map<string, Promise<{ readonly hash: string; readonly version: number | undefined }>>();

  constructor(
    readonly place: Place,
    private readonly trusted: readonly PublicKey[],
  ) {}

  /** A change was answered. */
  acknowledge({ sequence = 0, policyHash, version, deploymentId }: Bundle): void {
    expect(this.#acknowledged.has(sequence), `sequence ${sequence} was given twice`).toBe(false);
    this.#acknowledged.set(sequence, { policyHash, version, deploymentId });
    this.floor = Math.max(this.floor, sequence);
  }

  /** Checks what a reader was told that asked when the floor was `floor`. */
  async check(what: string, floor: number, told: Told): Promise<void> {
    const { sequence, etag, deploymentId, document } = told;
    expect(sequence, `${what}: older than what was acknowledged before it asked`).toBeGreaterThanOrEqual(floor);
    const known = this.#told.get(sequence);
    if (known === undefined) this.#told.set(sequence, told);
    else
      expect([etag, deploymentId], `${what}: another activation ${sequence}`).toEqual([known.etag, known.deploymentId]);
    const [hash, tagSequence] = etag.split(".");
    expect(tagSequence, what).toBe(String(sequence));
    if (document === "") return;
    const verified = await this.#verify(document);
    expect(verified.hash, `${what}: the document of another activation`).toBe(hash);
    const acknowledged = this.#acknowledged.get(sequence);
    if (acknowledged === undefined) return;
    expect({ policyHash: hash, version: verified.version, deploymentId }, what).toEqual(acknowledged);
  }

  /** Which sequences readers were told of. */
  get toldSequences(): readonly number[] {
    return [...this.#told.keys()];
  }

  #verify(document: string): Promise<{ readonly hash: string; readonly version: number | undefined }> {
    const known = this.#verified.get(document);
    if (known !== undefined) return known;
    const { envName: environment, orgId, projectId } = this.place;
    const expected = { orgId, projectId, environment };
    const verified = verifyDocument(document, this.trusted, expected, { verifier: nodeVerifier }).then((bundle) => ({
      hash: bundle.document.policy_hash,
      version: bundle.document.bundle_version,
    }));
    this.#verified.set(document, verified);
    return verified;
  }
}
