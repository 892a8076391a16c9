import type { IncomingMessage, ServerResponse } from "node:http";
import { entityTags, preferredWaitSeconds } from "../../core/http/conditional-request.js";
import { TrustError } from "../../bundle/trust/trust-error.js";
import { SignetError } from "../../sdk/signet-error.js";
import type { VerifiedPack } from "../source/environment-pack.js";
import { entityTagOf, hasPack, leaseHeader, type Cursor, type EnvironmentView } from "./environment-view.js";
import type { Polled } from "./latest-answers.js";
import { answer, notNow } from "./local-answer.js";
import type { ReaderSlots } from "./reader-slots.js";

/** How long a poll waits for a document or OPA bundle that the server has not sent yet, also when it is not held. */
const PART_WAIT_MS = 5_000;

/** A request of a reader for what is active. */
export interface Poll {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly cursor: Cursor;
  /** Aborts when the reader has gone, and when the agent stops. */
  readonly signal: AbortSignal;
}

/** Whether a reader has the pack already, and how it says so. */
type Known = "tag" | "cursor" | null;

/**
 * Answers a poll: conditional by If-None-Match, `after_sequence` and `after_deployment_id`, held by `Prefer: wait`, as the server does it
 * (docs/runtimes.md, "Polling").
 *
 * @throws Refusal
 */
export async function answerPoll(
  { request, response, cursor, signal }: Poll,
  view: EnvironmentView,
  what: Polled,
  slots: ReaderSlots,
): Promise<void> {
  const tags = entityTags(request.headers["if-none-match"] ?? null);
  const prefer = [request.headers["prefer"] ?? []].flat().join(",");
  const waitSeconds = preferredWaitSeconds(prefer === "" ? null : prefer);
  const known = (pack: VerifiedPack): Known => {
    if (tags.some((tag) => tag === "*" || tag === entityTagOf(pack) || tag === pack.policyHash)) return "tag";
    return hasPack(cursor, pack) ? "cursor" : null;
  };
  const applied: Readonly<Record<string, string>> =
    waitSeconds > 0 ? { "Preference-Applied": `wait=${waitSeconds}` } : {};
  const endMs = performance.now() + waitSeconds * 1000;
  if (waitSeconds > 0) await holdUntilNew(view, what, known, { endMs, signal }, slots);
  const { pack } = view;
  if (signal.aborted) throw notNow("stopping", "the agent stops", 1);
  view.answered();
  if (pack === null) {
    const empty = view.isEmpty ? (what.empty?.(view) ?? null) : null;
    if (empty === null) throw view.absence();
    const headers = { "Content-Type": "application/json", ...leaseHeader(view.source.proof.lease), ...applied };
    return answer(request, response, 200, headers, empty);
  }
  const found = known(pack);
  const headers = { ...what.headers(view, pack), ...applied };
  if (found !== null) return answer(request, response, found === "tag" ? 304 : 204, headers, null);
  const body = await partOf(view, what, pack, AbortSignal.any([signal, AbortSignal.timeout(PART_WAIT_MS)]));
  answer(request, response, 200, { ...headers, ...what.bodyHeaders(pack) }, body);
}

/** Until the reader does not have what there is, another root is there, the wait is over, or the signal aborts. */
async function holdUntilNew(
  view: EnvironmentView,
  { endsWithRoot }: Polled,
  known: (pack: VerifiedPack) => Known,
  { endMs, signal }: { readonly endMs: number; readonly signal: AbortSignal },
  slots: ReaderSlots,
): Promise<void> {
  const { rootVersion } = view.source.proof;
  const isOver = () => {
    const { pack, source } = view;
    if (endsWithRoot && source.proof.rootVersion !== rootVersion) return true;
    return pack !== null && known(pack) === null;
  };
  if (isOver() || signal.aborted) return;
  using _slot = slots.take("poll");
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      change[Symbol.dispose]();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const change = view.onChange(() => {
      if (isOver()) end();
    });
    const timer = setTimeout(end, Math.max(0, endMs - performance.now()));
    signal.addEventListener("abort", end, { once: true });
  });
}

async function partOf(
  view: EnvironmentView,
  what: Polled,
  pack: VerifiedPack,
  signal: AbortSignal,
): Promise<Buffer | string> {
  try {
    return await what.body(view, pack, signal);
  } catch (thrown) {
    if (thrown instanceof TrustError) throw notNow(thrown.code, `the agent refused it: ${thrown.message}`, 60);
    if (!(thrown instanceof SignetError)) throw thrown;
    throw notNow("not_ready", `the agent does not have the ${what.name} of sequence ${pack.sequence} yet`);
  }
}
