import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { RuntimeService } from "../../../gen/signet/v1/runtime_pb.js";
import { AppError, notFound } from "../../core/error.js";
import type { Freshness } from "../../service/access/freshness.js";
import { environmentOf } from "../../service/access/access.js";
import type { ActiveBundle } from "../../service/runtimes/active-bundles.js";
import type { ActiveContents } from "../../service/runtimes/active-contents.js";
import type { ActivePolicyTexts } from "../../service/runtimes/active-policies.js";
import type { DeploymentAttestations } from "../../service/runtimes/deployment-attestations.js";
import { entityTagOf, type Latest, type LatestBundles, type LatestRequest } from "../../service/runtimes/latest.js";
import { proofOf } from "../../service/runtimes/proof-of.js";
import type { LogProofs } from "../../service/trust/log-proofs.js";
import type { Proof, Proofs } from "../../service/trust/proofs.js";
import { addressKey } from "../admission/admission-address.js";
import { callOf, httpStatusKey, type Call } from "../admission/call.js";
import { entityTags, preferredWaitSeconds } from "../../core/http/conditional-request.js";
import { ageHeaders, contentDigestHeaders, latestHeaders, leaseHeaders } from "../poll/poll-answer.js";

type LatestMethods = Pick<
  ServiceImpl<typeof RuntimeService>,
  "getLatestBundle" | "getLatestContent" | "getLatestPolicies" | "getLatestAttestation" | "getDeploymentAttestation"
>;

/** What polls of all kinds ask. */
interface PollMessage {
  readonly afterSequence: number;
  readonly afterDeploymentId: string;
  readonly instanceId: string;
}

/** What a poll found, and what proves it: null when nothing can. */
interface Polled {
  readonly latest: Latest | null;
  readonly proof: Proof | null;
}

/** The services behind polls and attestations. */
export interface LatestServices {
  readonly latest: LatestBundles;
  readonly contents: ActiveContents;
  readonly policies: ActivePolicyTexts;
  readonly proofs: Proofs;
  readonly logProofs: LogProofs;
  readonly deploymentAttestations: DeploymentAttestations;
  readonly freshness: Freshness;
}

/** The methods of RuntimeService that runtimes poll, and the attestations of single activations. */
export function createLatestMethods(services: LatestServices): LatestMethods {
  const { latest, contents, policies, proofs, logProofs, deploymentAttestations, freshness } = services;

  const poll = async (message: PollMessage, context: HandlerContext): Promise<Polled> => {
    const call = callOf(context);
    const request = pollRequest(message, context, call);
    const found = await latest.poll(call.principal, request, context.signal);
    const proof = await proofOf(proofs, environmentOf(call.principal), found?.active.deployment ?? null);
    setHeaders(context, {
      ...(found === null ? {} : latestHeaders(found.active)),
      ...leaseHeaders(proof),
      ...ageHeaders(freshness),
      ...(request.waitSeconds > 0 ? { "Preference-Applied": `wait=${request.waitSeconds}` } : {}),
    });
    if (found !== null && found.known !== null) context.values.set(httpStatusKey, found.known === "tag" ? 304 : 204);
    return { latest: found, proof };
  };

  return {
    async getLatestBundle(message, context) {
      const { active, known } = required(await poll(message, context));
      return { ...toldOf(active), notModified: known !== null, document: known === null ? active.document : "" };
    },

    async getLatestContent(message, context) {
      const { active, known } = required(await poll(message, context));
      const told = { ...toldOf(active), notModified: known !== null };
      if (known !== null) return { ...told, content: "" };
      const content = await contents.of(active);
      setHeaders(context, contentDigestHeaders(active));
      return { ...told, content };
    },

    async getLatestPolicies(message, context) {
      const { active, known } = required(await poll(message, context));
      const told = { ...toldOf(active), notModified: known !== null };
      return { ...told, policies: known === null ? (await policies.of(active)).text : "" };
    },

    async getLatestAttestation(message, context) {
      const { latest: found, proof } = await poll(message, context);
      if (proof === null) throw unattested();
      if (found === null) return { attestation: proof.attestation };
      if (found.known !== null) return { ...toldOf(found.active), notModified: true, attestation: "" };
      const { attestation } = proof;
      const told = message.proof ? await logProofs.addTo(attestation, found.active.deployment) : attestation;
      return { ...toldOf(found.active), attestation: told };
    },

    async getDeploymentAttestation({ deploymentId, proof }, context) {
      const attestation = await deploymentAttestations.of(callOf(context).principal, deploymentId, proof);
      if (attestation === null) throw unattested();
      return { attestation };
    },
  };
}

function required({ latest }: Polled): Latest {
  if (latest === null) throw notFound("active bundle");
  return latest;
}

function toldOf(active: ActiveBundle) {
  const { sequence, id: deploymentId } = active.deployment;
  return { etag: entityTagOf(active), sequence, deploymentId };
}

function unattested(): AppError {
  const message = "no attestation can be made now";
  return new AppError("unavailable", message, { reason: "not_attested", retryAfterSeconds: 10 });
}

function pollRequest(message: PollMessage, context: HandlerContext, { clientAddress }: Call): LatestRequest {
  const { afterSequence, afterDeploymentId, instanceId } = message;
  const named = { instanceId, userAgent: context.requestHeader.get("user-agent") };
  return {
    ...{ afterSequence, afterDeploymentId },
    ifNoneMatch: entityTags(context.requestHeader.get("if-none-match")),
    waitSeconds: preferredWaitSeconds(context.requestHeader.get("prefer")),
    clientAddress: addressKey(clientAddress),
    tellsRoots: true,
    ...(instanceId === "" ? {} : { instance: { ...named, labels: {}, clientAddress } }),
  };
}

function setHeaders(context: HandlerContext, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) context.responseHeader.set(name, value);
}
