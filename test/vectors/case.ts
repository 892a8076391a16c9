/** How a client ends a step: how good what runs is, its sequence (0: nothing runs), and why the update was refused. */
export interface Expectation {
  readonly state: "fresh" | "expired" | "revoked" | "empty";
  readonly sequence: number;
  /** A code of docs/trust.md; `unavailable` where the server does not answer; null for an update that was accepted. */
  readonly error: string | null;
}

/** What a server serves during a step. */
export interface ServedPack {
  /** Envelopes by version. Others answer 404. */
  readonly roots: Readonly<Record<string, string>>;
  /** The body of the attestation. */
  readonly attestation: string;
  /** The body of the content, base64. */
  readonly content: string;
}

/** One update of a client: a process of its own, so that all that it knows is on its disk. */
export interface VectorStep {
  /** The client's own clock. */
  readonly now: string;
  /** Null: the server answers 503. */
  readonly serve: ServedPack | null;
  /** What is done to the client's disk before: a bit of the content flipped. */
  readonly damage?: "content";
  readonly expect: Expectation;
}

/** A case: a client with a pinned root, and updates one after the other. */
export interface VectorCase {
  /** The name in lower-case letters, digits and hyphens: for paths. */
  readonly id: string;
  /** Unique; the name of docs/trust.md first. */
  readonly name: string;
  /** Whether some step must be refused. */
  readonly must: "fail" | "pass";
  /** The envelope of the pinned root. */
  readonly root: string;
  /** The code with which the pinned root itself is refused; then there are no steps. */
  readonly init: string | null;
  readonly identity: { readonly org_id: string; readonly project_id: string; readonly environment: string };
  readonly steps: readonly VectorStep[];
}

/** A file of vectors. */
export interface VectorFile {
  readonly format: "signet-trust-vectors/1";
  readonly cases: readonly VectorCase[];
}

/** The id of a case. */
export function caseId(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}
