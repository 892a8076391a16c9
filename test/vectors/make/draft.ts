import { caseId, type Expectation, type ServedPack, type VectorCase, type VectorStep } from "../case.js";
import {
  after,
  content,
  ORG,
  pack,
  PROJECT,
  signRoot,
  siteRoot,
  START,
  type Pack,
  type PackOptions,
} from "./objects.js";

/** What cases may change. */
export interface DraftOptions {
  /** The pinned root; default: {@link siteRoot}. */
  readonly root?: string;
  readonly environment?: string;
}

/** A pack as it is served, with the roots beside it. */
export function served(parts: Partial<Pack>, roots: Readonly<Record<number, string>> = {}): ServedPack {
  const { lease = null, activation = null, release = null } = parts;
  const attestation = `{"lease":${lease ?? "null"},"activation":${activation ?? "null"},"release":${release ?? "null"},"proof":null}`;
  return { roots, attestation, content: base64(parts.content ?? new Uint8Array()) };
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

/** The first pack of most cases: sequence 7, at START. */
export async function good(options: PackOptions = {}): Promise<Pack> {
  return await pack(options);
}

/** What would be good as the second one: sequence 8 with another content, a minute later. */
export async function next(options: PackOptions = {}): Promise<Pack> {
  return await pack({ sequence: 8, bytes: content(200), number: 4, issuedAt: after(60), ...options });
}

export function step(now: string, serve: ServedPack | null, expect: Expectation): VectorStep {
  return { now, serve, expect };
}

export function fresh(sequence: number, error: string | null = null): Expectation {
  return { state: "fresh", sequence, error };
}

export function expired(sequence: number, error: string | null = null): Expectation {
  return { state: "expired", sequence, error };
}

export function empty(error: string | null = null): Expectation {
  return { state: "empty", sequence: 0, error };
}

/** A case of any steps. */
export async function draft(
  must: VectorCase["must"],
  name: string,
  steps: readonly VectorStep[],
  { root, environment = "prod" }: DraftOptions = {},
): Promise<VectorCase> {
  const identity = { org_id: ORG, project_id: PROJECT, environment };
  return { id: caseId(name), name, must, root: root ?? (await signRoot(siteRoot())), init: null, identity, steps };
}

/** A good pack, and then one that must be refused: what ran goes on running. */
export async function refused(
  name: string,
  code: string,
  second: ServedPack,
  options: DraftOptions = {},
): Promise<VectorCase> {
  const first = served(await good({ environment: options.environment ?? "prod" }));
  return await draft("fail", name, [step(START, first, fresh(7)), step(after(60), second, fresh(7, code))], options);
}

/** A pinned root that must be refused. */
export async function refusedRoot(name: string, code: string, root: string): Promise<VectorCase> {
  return { ...(await draft("fail", name, [], { root })), init: code };
}
