import { decodeAnyBase64 } from "../../../bundle/base64.js";
import { formatRenewal, MAX_ATTESTATION_LENGTH, parseAttestation } from "../../../bundle/trust/attestation.js";
import { boundedEnvelope, MAX_ENVELOPE_LENGTH } from "../../../bundle/trust/threshold.js";
import { TrustError } from "../../../bundle/trust/trust-error.js";
import type { UpdateSource } from "../../../bundle/trust/update.js";
import { SignetError } from "../../signet-error.js";
import { connectionError, readBody, type HttpAnswer, type Rest } from "./http.js";
import { utf8Text } from "../utf8-text.js";
import type { About, News, Position } from "./rung.js";

/** How to ask. */
export interface LatestQuery {
  readonly instanceId: string;
  /** How long the server holds the request when there is nothing new; 0: not at all. */
  readonly waitSeconds: number;
}

/** Asks once for what proves the active bundle. What is needed on top, roots and content, is fetched when it is verified. */
export async function askLatest(
  rest: Rest,
  { sequence, deploymentId }: Position,
  { instanceId, waitSeconds }: LatestQuery,
  signal: AbortSignal,
): Promise<News> {
  const query = new URLSearchParams({
    after_sequence: String(sequence),
    after_deployment_id: deploymentId,
    instance_id: instanceId,
  });
  const headers: Record<string, string> = waitSeconds > 0 ? { Prefer: `wait=${waitSeconds}` } : {};
  const answer = await rest.get(`/v1/bundles/latest/attestation?${query.toString()}`, headers, signal);
  const about = aboutOf(answer);
  // Also of an answer without one: the connection is used again only when it is read.
  const body = await readText(answer, MAX_ATTESTATION_LENGTH, signal);
  if (answer.status === 200) {
    return {
      type: "proof",
      about,
      roots: rootVersionIn(body),
      source: latestSource(rest, about, body, signal),
      whole: null,
    };
  }
  const lease = leaseOf(answer);
  if (lease === null) return { type: "alive" };
  return {
    type: "proof",
    about,
    roots: rootVersionIn(lease),
    source: latestSource(rest, about, lease, signal),
    whole: () => askWhole(rest, signal),
  };
}

/** Asks for what proves the active bundle, whatever the caller has. */
export async function askWhole(rest: Rest, signal: AbortSignal): Promise<UpdateSource> {
  const { answer, bytes } = await rest.read("/v1/bundles/latest/attestation", MAX_ATTESTATION_LENGTH, signal);
  return latestSource(rest, aboutOf(answer), utf8Text(bytes, "the attestation"), signal);
}

function latestSource(rest: Rest, about: About, attestation: string, signal: AbortSignal): UpdateSource {
  return {
    async root(version) {
      // Asked for only when the lease says that there is one: otherwise each poll would be two requests.
      if (version > rootVersionIn(attestation)) return null;
      try {
        const { bytes } = await rest.read(`/v1/trust/roots/${version}`, MAX_ENVELOPE_LENGTH, signal);
        return utf8Text(bytes, "the root");
      } catch (thrown) {
        if (thrown instanceof SignetError && thrown.code === "not_found" && thrown.isFromServer) return null;
        throw thrown;
      }
    },
    attestation: async () => attestation,
    async content(size) {
      const isSame = (answer: HttpAnswer) => {
        if (aboutOf(answer).deploymentId === about.deploymentId) return;
        throw new SignetError("conflict", "another bundle became active while this one was read");
      };
      const { bytes } = await rest.read("/v1/bundles/latest/content", size, signal, isSame);
      return bytes;
    },
  };
}

/** Not verified: it decides only what is asked for. */
function rootVersionIn(attestation: string): number {
  try {
    const { lease } = parseAttestation(attestation);
    const { root_version: version } = JSON.parse(new TextDecoder().decode(boundedEnvelope(lease ?? "").payload)) as {
      root_version?: unknown;
    };
    return typeof version === "number" ? version : 0;
  } catch {
    return 0;
  }
}

function leaseOf(answer: HttpAnswer): string | null {
  const header = answer.header("Signet-Lease");
  if (header === null) return null;
  if (header.length > 2 * MAX_ENVELOPE_LENGTH) throw new TrustError("too_large", "the lease is too long");
  const envelope = decodeAnyBase64(header.padEnd(Math.ceil(header.length / 4) * 4, "="));
  if (envelope === undefined) throw new TrustError("malformed", "Signet-Lease is not base64url");
  return formatRenewal(utf8Text(envelope, "the lease"));
}

function aboutOf(answer: HttpAnswer): About {
  const sequence = Number(answer.header("Signet-Sequence") ?? 0);
  return {
    sequence: Number.isInteger(sequence) && sequence >= 0 ? sequence : 0,
    deploymentId: answer.header("Signet-Deployment-Id") ?? "",
  };
}

/** Signed texts are ASCII: characters are bytes. */
async function readText(answer: HttpAnswer, maxLength: number, signal: AbortSignal): Promise<string> {
  const bytes = await readBody(answer, maxLength).catch((cause: unknown) => {
    throw connectionError(cause, signal);
  });
  return utf8Text(bytes, "the answer");
}
