import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { WatchBundleResponseSchema, type WatchBundleResponse } from "../../gen/signet/v1/runtime_pb.js";
import { formatDocument } from "../../src/bundle/document.js";
import { createNobleSigner } from "../../src/bundle/ed25519-noble.js";
import { formatPrivateKey, parsePublicKey } from "../../src/bundle/keys.js";
import { canonicalContent } from "../../src/bundle/policy-hash.js";
import { signBundle } from "../../src/bundle/sign-bundle.js";

export const signer = createNobleSigner(formatPrivateKey(Uint8Array.from({ length: 32 }, (_, i) => i)));
export const otherSigner = createNobleSigner(formatPrivateKey(new Uint8Array(32).fill(7)));
export const trustedKey = parsePublicKey(signer.publicKeyPem);

export const IDENTITY = {
  bundleId: "0b6f3f4e-7c0b-4d55-9a3e-8d1f0a6e2c11",
  orgId: "6d0f6a52-6b56-4f5e-8f0e-0d9b2f1f7a01",
  projectId: "9a4a1c0e-52d5-4d0c-a8f1-5a7f2f3b4c02",
  environment: "dev",
  publishedAt: "2026-04-22T12:00:00+00:00",
};

export interface PushOptions {
  readonly version?: number;
  readonly deploymentId?: string;
  readonly kind?: string;
  readonly publishedAt?: string;
  readonly environment?: string;
  readonly signer?: typeof signer;
  /** Changes the document after it was signed. */
  readonly tamper?: (document: string) => string;
}

/** A signed document of an environment; the policies name the version. */
export async function signedDocument({ version = 1, environment = "dev", ...options }: PushOptions = {}) {
  const by = options.signer ?? signer;
  const { publishedAt = IDENTITY.publishedAt } = options;
  const identity = { ...IDENTITY, environment, publishedAt };
  const policies = JSON.stringify({ rule: `v${version}` });
  const signed = await signBundle({ identity, content: canonicalContent(policies, "{}") }, by);
  const document = formatDocument({
    identity,
    policiesText: policies,
    scopePoliciesText: "{}",
    bundleVersion: version,
    ...signed,
  });
  return { document: options.tamper?.(document) ?? document, policyHash: signed.policyHash };
}

/** The push of an activation, as a server sends it. */
export async function push(sequence: number, options: PushOptions = {}): Promise<WatchBundleResponse> {
  const version = options.version ?? sequence;
  const { document, policyHash } = await signedDocument({ ...options, version });
  const activatedAt = timestampFromDate(new Date("2026-04-22T12:00:05.250Z"));
  const value = {
    sequence,
    deploymentId: options.deploymentId ?? `deployment-${sequence}`,
    kind: options.kind ?? "publish",
    version,
    policyHash,
    activatedAt,
    document,
  };
  return create(WatchBundleResponseSchema, { sequence, event: { case: "activation", value } });
}

export function heartbeat(sequence: number): WatchBundleResponse {
  return create(WatchBundleResponseSchema, { sequence, event: { case: "heartbeat", value: {} } });
}

export function nothingActive(sequence = 0): WatchBundleResponse {
  return create(WatchBundleResponseSchema, { sequence, event: { case: "nothingActive", value: {} } });
}
