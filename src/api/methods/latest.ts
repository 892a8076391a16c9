import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { RuntimeService } from "../../../gen/signet/v1/runtime_pb.js";
import { AppError } from "../../core/error.js";
import type { Freshness } from "../../service/access/freshness.js";
import type { Bundles } from "../../service/bundles/bundles.js";
import type { ActiveContents } from "../../service/runtimes/active-contents.js";
import { entityTagOf, type Latest, type LatestBundles, type LatestRequest } from "../../service/runtimes/latest.js";
import { addressKey } from "../admission/admission-address.js";
import { callOf, httpStatusKey, type Call } from "../admission/call.js";
import { entityTags, preferredWaitSeconds } from "../http/runtime-headers.js";
import { ageHeaders, contentDigestHeaders, latestHeaders } from "../poll/poll-answer.js";

type LatestMethods = Pick<
  ServiceImpl<typeof RuntimeService>,
  "getLatestBundle" | "getLatestContent" | "getLatestAttestation" | "getDeploymentAttestation"
>;

/** What polls of all kinds ask. */
interface PollMessage {
  readonly afterSequence: number;
  readonly afterDeploymentId: string;
  readonly instanceId: string;
}

/** The methods of RuntimeService that runtimes poll. */
export function createLatestMethods(services: {
  readonly latest: LatestBundles;
  readonly contents: ActiveContents;
  readonly freshness: Freshness;
  readonly bundles: Pick<Bundles, "deployment">;
}): LatestMethods {
  const { latest, contents, freshness, bundles } = services;

  /** Tells in headers and in the status what was found. */
  const tell = (context: HandlerContext, { active, known }: Latest, { waitSeconds }: LatestRequest) => {
    setHeaders(context, {
      ...latestHeaders(active),
      ...ageHeaders(freshness),
      ...(waitSeconds > 0 ? { "Preference-Applied": `wait=${waitSeconds}` } : {}),
    });
    if (known !== null) context.values.set(httpStatusKey, known === "tag" ? 304 : 204);
    const { sequence, id: deploymentId } = active.deployment;
    return { notModified: known !== null, etag: entityTagOf(active), sequence, deploymentId };
  };

  return {
    async getLatestBundle(message, context) {
      const call = callOf(context);
      const request = pollRequest(message, context, call);
      const found = await latest.latest(call.principal, request, context.signal);
      const told = tell(context, found, request);
      return { ...told, document: told.notModified ? "" : found.active.document };
    },

    async getLatestContent(message, context) {
      const call = callOf(context);
      const request = pollRequest(message, context, call);
      const found = await latest.latest(call.principal, request, context.signal);
      const content = found.known === null ? await contents.of(found.active) : "";
      const told = tell(context, found, request);
      if (!told.notModified) setHeaders(context, contentDigestHeaders(found.active));
      return { ...told, content };
    },

    getLatestAttestation() {
      throw unattested();
    },

    async getDeploymentAttestation({ deploymentId }, context) {
      await bundles.deployment(callOf(context).principal, deploymentId);
      throw unattested();
    },
  };
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
    ...(instanceId === "" ? {} : { instance: { ...named, labels: {}, clientAddress } }),
  };
}

function setHeaders(context: HandlerContext, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) context.responseHeader.set(name, value);
}
