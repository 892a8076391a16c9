import type { ServerResponse } from "node:http";
import type { Freshness } from "../../service/access/freshness.js";
import type { Logger } from "pino";
import { RuntimeService } from "../../../gen/signet/v1/runtime_pb.js";
import type { Proof, Proofs } from "../../service/trust/proofs.js";
import type { ActiveBundle, ActiveBundles } from "../../service/runtimes/active-bundles.js";
import type { ActivePolicyTexts } from "../../service/runtimes/active-policies.js";
import { hasActivation, type Cursor } from "../../service/access/cursor.js";
import { newestIn } from "../../service/runtimes/latest.js";
import type { Tracing } from "../../core/trace.js";
import type { Admission, RateState } from "../admission/admission.js";
import type { Call } from "../admission/call.js";
import { logRequest } from "../http/access-log.js";
import { requestConnection } from "../http/connection.js";
import { requestIdOf, type NodeRequest, type NodeResponse } from "../http/node-http.js";
import { commonHeaders, rateHeaders } from "../http/answer.js";
import type { RequestObserver } from "../http/request-observer.js";
import { createReport } from "../http/request-outcome.js";
import { entityTags } from "../../core/http/conditional-request.js";
import { ageHeaders, PollAnswers, type PollAnswer } from "./poll-answer.js";

const DOCUMENT = "/v1/bundles/latest";
const POLICIES = "/v1/policies/latest";
/** As most send it. A longer number may be none of 32 bits. */
const PATH_WITH_CURSOR =
  /^(\/v1\/(?:bundles|policies)\/latest)\?after_sequence=(0|[1-9]\d{0,8})(?:&after_deployment_id=([0-9a-f-]{1,64}))?$/;
const { getLatestBundle, getLatestPolicies } = RuntimeService.method;

/** How many polls were answered here since the counts were last taken. */
export interface PollCounts {
  ok: number;
  notModified: number;
}

/** What polls are answered with. */
export interface PollOptions {
  readonly admission: Admission;
  readonly active: ActiveBundles;
  readonly policies: Pick<ActivePolicyTexts, "peek">;
  readonly proofs: Proofs;
  readonly freshness: Freshness;
  readonly observer: RequestObserver;
  readonly tracing: Tracing;
  readonly logger: Logger;
}

/**
 * Answers plain polls at once: `GET /v1/bundles/latest` and `GET /v1/policies/latest` with a token, a bundle and a lease that are in
 * memory. The answers are those of the method behind the REST mapping, which answers everything else (a first call, a lease that is due, an error, a held poll, a
 * browser).
 *
 * These polls have their log line at level debug only, and are counted: a line for each costs as much as the answer.
 */
export class Polls {
  readonly #answers = new PollAnswers();
  #counts: PollCounts = { ok: 0, notModified: 0 };

  constructor(private readonly options: PollOptions) {}

  /** The counts since the last call. */
  takeCounts(): PollCounts {
    const counts = this.#counts;
    this.#counts = { ok: 0, notModified: 0 };
    return counts;
  }

  /** False, and nothing was done, when it is not a poll that can be answered here. */
  answer(req: NodeRequest, res: NodeResponse, clientAddress: string): boolean {
    const target = targetOf(req.url);
    if (target === null || !this.#isPlain(req)) return false;
    const { cursor, isPolicies } = target;
    const startedMs = performance.now();
    const { admission, active, proofs } = this.options;
    const requestId = requestIdOf(req);
    let headers = commonHeaders(requestId);
    const onRate = (state: RateState) => (headers = headers.concat(rateHeaders(state)));
    const connection = requestConnection(req);
    const { rawHeaders } = req;
    const call = admission.admitKnown(isPolicies ? getLatestPolicies : getLatestBundle, {
      requestId,
      clientAddress,
      connection,
      rawHeaders,
      onRate,
    });
    if (call?.principal.environmentId == null) return false;
    const newest = active.peek(call.principal.environmentId);
    if (newest == null) return false;
    const proof = proofs.peek(call.principal.environmentId, newest.deployment);
    if (proof === undefined) return false;
    const answer = this.#answerOf(newest, proof, isPolicies);
    if (answer === undefined) return false;
    const tags = req.headers["if-none-match"];
    const isKnown = matches(tags, answer);
    // What is in memory would take the runtime back: it is read anew.
    if (!isKnown && active.isShared && active.isBehind(newest, newestOf(cursor, tags))) return false;
    if (!this.options.freshness.isCurrent)
      headers = headers.concat(Object.entries(ageHeaders(this.options.freshness)).flat());
    if (this.options.logger.isLevelEnabled("debug")) this.#logWhenOver(req, res, call);
    // Both have the same calls, but TypeScript does not join their overloads.
    const response = res as ServerResponse;
    if (isKnown) {
      this.#counts.notModified += 1;
      response.writeHead(304, headers.concat(answer.headers));
      response.end();
    } else if (cursor !== null && hasActivation(cursor, newest.deployment)) {
      this.#counts.notModified += 1;
      response.writeHead(204, headers.concat(answer.headers));
      response.end();
    } else {
      this.#counts.ok += 1;
      response.writeHead(200, headers.concat(answer.headers, answer.bodyHeaders));
      response.end(req.method === "HEAD" ? undefined : answer.body);
    }
    // Each by its name: an object that is spread together costs as much as the rest of the answer.
    this.options.observer.finished({
      operationId: call.operation.id,
      protocol: "rest",
      isStream: false,
      status: response.statusCode,
      durationMs: performance.now() - startedMs,
      isAuthenticationFailure: false,
      limit: null,
    });
    return true;
  }

  /** Undefined for policies that are not in memory. */
  #answerOf(newest: ActiveBundle, proof: Proof | null, isPolicies: boolean): PollAnswer | undefined {
    if (!isPolicies) return this.#answers.ofDocument(newest, proof);
    const policies = this.options.policies.peek(newest);
    return policies === undefined ? undefined : this.#answers.ofPolicies(newest, policies, proof);
  }

  /** A GET or HEAD without a body that asks for nothing but the answer. One of a caller's trace is left to be traced. */
  #isPlain(req: NodeRequest): boolean {
    if (req.method !== "GET" && req.method !== "HEAD") return false;
    const { headers } = req;
    if (headers.origin !== undefined || headers.prefer !== undefined || headers.expect !== undefined) return false;
    if (this.options.tracing.isOn && headers.traceparent !== undefined) return false;
    if ("stream" in req) return req.stream.endAfterHeaders;
    return headers["content-length"] === undefined && headers["transfer-encoding"] === undefined;
  }

  #logWhenOver(req: NodeRequest, res: NodeResponse, { requestId, clientAddress, operation, principal }: Call): void {
    const startedMs = performance.now();
    const report = createReport({ requestId, clientAddress, protocol: "rest", traceId: undefined });
    report.operationId = operation.id;
    report.keyPrefix = principal.keyPrefix;
    report.keyName = principal.tokenName;
    report.reached = true;
    res.on("close", () => logRequest(this.options.logger, req, res, report, performance.now() - startedMs, "debug"));
  }
}

/** What a poll asks for. */
interface PollTarget {
  /** Null without one. */
  readonly cursor: Cursor | null;
  /** The policies alone, not the document. */
  readonly isPolicies: boolean;
}

const PLAIN_DOCUMENT: PollTarget = { cursor: null, isPolicies: false };
const PLAIN_POLICIES: PollTarget = { cursor: null, isPolicies: true };

/** Null for another path, and for a query that needs reading. */
function targetOf(url: string | undefined): PollTarget | null {
  if (url === DOCUMENT) return PLAIN_DOCUMENT;
  if (url === POLICIES) return PLAIN_POLICIES;
  const [, path, sequence, afterDeploymentId = ""] = PATH_WITH_CURSOR.exec(url ?? "") ?? [];
  if (path === undefined) return null;
  return { cursor: { afterSequence: Number(sequence), afterDeploymentId }, isPolicies: path === POLICIES };
}

function newestOf(cursor: Cursor | null, ifNoneMatch: string | undefined): number {
  return newestIn({ afterSequence: cursor?.afterSequence ?? 0, ifNoneMatch: entityTags(ifNoneMatch ?? null) });
}

/** What most pollers send is the tag as they got it; every other form is read as RFC 9110 has it. */
function matches(ifNoneMatch: string | undefined, { quotedEtag, etag, policyHash }: PollAnswer): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch === quotedEtag) return true;
  return entityTags(ifNoneMatch).some((tag) => tag === "*" || tag === etag || tag === policyHash);
}
