import type { IncomingMessage, ServerResponse } from "node:http";
import { acceptsEvents } from "../../core/http/conditional-request.js";
import type { PackSource } from "../source/environment-pack.js";
import { BundleFeed } from "./bundle-feed.js";
import { EnvironmentView, type Cursor } from "./environment-view.js";
import { ATTESTATION, CONTENT, DOCUMENT, OPA, POLICIES, type Polled } from "./latest-answers.js";
import { answer, answerJson, notNow, Refusal } from "./local-answer.js";
import {
  decisionsIn,
  MAX_OPA_LOGS_BYTES,
  MAX_OPA_STATUS_BYTES,
  MAX_STATUS_BYTES,
  opaReport,
  runtimeReport,
} from "./local-reports.js";
import { PoliciesFeed } from "./policies-feed.js";
import { answerPoll } from "./poll.js";
import { cursorIn, flagIn, numberIn, resumeCursor, type ReaderPath } from "./reader-request.js";
import type { ReaderSlots } from "./reader-slots.js";
import { ReportRelay, type LocalReport } from "./report-relay.js";
import { readPacked, readRequestBody } from "./request-body.js";
import type { WatchFeed } from "./watch-feed.js";
import { WatchStream } from "./watch-stream.js";

/** A request of a local reader. */
export interface LocalRequest extends ReaderPath {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Aborts when the reader has gone, and when the agent stops. */
  readonly signal: AbortSignal;
}

/** What becomes of OPA's decision logs: counted, or passed on to the server, which counts them too and keeps them where it is set to. */
export type DecisionLogs = "count" | "forward";

const POLLS: ReadonlyMap<string, Polled> = new Map([
  ["/v1/bundles/latest", DOCUMENT],
  ["/v1/bundles/latest/content", CONTENT],
  ["/v1/bundles/latest/attestation", ATTESTATION],
  ["/v1/policies/latest", POLICIES],
  ["/v1/opa/bundle.tar.gz", OPA],
]);
const LOGS_TIMEOUT_MS = 10_000;
/** Batches that are being passed on. */
const MAX_LOGS = 8;

/** The paths of the server's API for one environment, from its source. */
export class ServedEnvironment implements Disposable {
  readonly view: EnvironmentView;
  readonly reports: ReportRelay;
  readonly requests = new Map<string, number>();
  decisions = 0;
  readonly #feeds: Readonly<Record<"document" | "content" | "policies", WatchFeed>>;
  readonly #streams = new Set<WatchStream>();
  /** Ends what is held, and what is passed on to the server. */
  readonly #over = new AbortController();
  readonly #stop: AbortSignal;
  #logs = 0;

  constructor(
    label: string,
    private readonly source: PackSource,
    private readonly slots: ReaderSlots,
    private readonly options: { readonly stop: AbortSignal; readonly decisionLogs: DecisionLogs },
  ) {
    const view = (this.view = new EnvironmentView(label, source));
    this.#stop = AbortSignal.any([options.stop, this.#over.signal]);
    this.reports = new ReportRelay(source.upstream, this.#stop);
    this.#feeds = {
      document: new BundleFeed(view, false),
      content: new BundleFeed(view, true),
      policies: new PoliciesFeed(view),
    };
  }

  /**
   * Answers a request; `false` for a path that there is not.
   *
   * @throws Refusal
   */
  async answer(local: LocalRequest): Promise<boolean> {
    const { request, path } = local;
    const [what, serve] = this.#route(path) ?? [];
    if (what === undefined || serve === undefined) return false;
    const isPost = ["status", "opa_status", "opa_logs"].includes(what);
    const allowed = isPost ? ["POST"] : ["GET", "HEAD"];
    if (!allowed.includes(request.method ?? "")) {
      const allow = allowed.join(", ");
      throw new Refusal(405, null, `${request.method} is not allowed here: use ${allow}`, { Allow: allow });
    }
    local.response.once("close", () => this.#count(what, local.response.statusCode));
    await serve(local);
    return true;
  }

  /** Sends each stream a heartbeat. */
  beat(): void {
    for (const stream of this.#streams) stream.beat();
  }

  /** Ends its streams and held polls. */
  [Symbol.dispose](): void {
    this.#over.abort();
    for (const stream of this.#streams)
      stream.end(notNow("stopping", "the agent stops, or follows this environment no more"));
    this.view[Symbol.dispose]();
  }

  #route(path: string): readonly [what: string, serve: (local: LocalRequest) => Promise<void>] | null {
    const polled = POLLS.get(path) ?? (/^\/v1\/opa\/bundles\/[^/]{1,255}$/.test(path) ? OPA : undefined);
    if (polled !== undefined) return [polled.name, async (local) => await this.#poll(local, polled)];
    if (path === "/v1/bundles/watch") return ["watch", async (local) => this.#watchBundle(local)];
    if (path === "/v1/policies/watch") return ["policies_watch", async (local) => this.#watchPolicies(local)];
    if (/^\/v1\/trust\/roots\/\d{1,9}$/.test(path)) return ["root", async (local) => await this.#root(local)];
    if (path === "/v1/runtimes/status") return ["status", async (local) => await this.#runtimeStatus(local)];
    const [, opa] = /^\/v1\/opa\/(status|logs)(?:\/[^/]{1,255})?$/.exec(path) ?? [];
    if (opa === "status") return ["opa_status", async (local) => await this.#opaStatus(local)];
    if (opa === "logs") return ["opa_logs", async (local) => await this.#opaLogs(local)];
    return null;
  }

  async #poll({ request, response, query, signal: gone }: LocalRequest, polled: Polled): Promise<void> {
    const signal = AbortSignal.any([gone, this.#over.signal]);
    await answerPoll({ request, response, cursor: cursorIn(query), signal }, this.view, polled, this.slots);
  }

  #watchBundle(local: LocalRequest): void {
    const { request, query } = local;
    const root = numberIn(query, "root_version");
    const feed = flagIn(query, "content") ? this.#feeds.content : this.#feeds.document;
    this.#watch(local, feed, resumeCursor(request, query), root === 0 ? null : root);
  }

  #watchPolicies(local: LocalRequest): void {
    this.#watch(local, this.#feeds.policies, resumeCursor(local.request, local.query), null);
  }

  #watch({ request, response }: LocalRequest, feed: WatchFeed, cursor: Cursor, root: number | null): void {
    if (request.method === "HEAD") return answer(request, response, 200, {}, null);
    const slot = this.slots.take("watch");
    const stream = new WatchStream({
      ...{ response, feed },
      form: acceptsEvents(request.headers.accept) ? "events" : "lines",
      state: { cursor, lease: null, root, isFirst: true },
      onChange: (woken) => this.view.onChange(woken),
    });
    this.#streams.add(stream);
    void stream.over.then(() => {
      slot[Symbol.dispose]();
      this.#streams.delete(stream);
    });
  }

  async #root({ request, response, path }: LocalRequest): Promise<void> {
    const version = Number(path.slice(path.lastIndexOf("/") + 1));
    const envelope = await this.source.root(version).catch(() => {
      throw notNow("not_ready", `the agent does not have root ${version}, and cannot ask its server`);
    });
    if (envelope === null) throw new Refusal(404, null, "no such root document");
    answer(request, response, 200, { "Content-Type": "application/json" }, envelope);
  }

  async #runtimeStatus({ request, response }: LocalRequest): Promise<void> {
    this.#take(runtimeReport(await readRequestBody(request, MAX_STATUS_BYTES)));
    answerJson(request, response, 200, { newest_sequence: this.source.proof.sequence });
  }

  async #opaStatus({ request, response }: LocalRequest): Promise<void> {
    this.#take(opaReport(await readRequestBody(request, MAX_OPA_STATUS_BYTES)));
    answerJson(request, response, 200, {});
  }

  async #opaLogs({ request, response }: LocalRequest): Promise<void> {
    if (this.options.decisionLogs === "forward") return await this.#forwardLogs(request, response);
    const accepted = decisionsIn(await readRequestBody(request, MAX_OPA_LOGS_BYTES));
    this.decisions += accepted;
    answerJson(request, response, 200, { accepted });
  }

  /** As they came: the OPA has them still, and sends them again, when the server does not answer or takes none. */
  async #forwardLogs(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#logs >= MAX_LOGS) throw notNow("too_many_logs", `${MAX_LOGS} batches are being passed on already`);
    this.#logs += 1;
    try {
      const body = await readPacked(request, MAX_OPA_LOGS_BYTES);
      const coding = request.headers["content-encoding"];
      const headers = {
        "Content-Type": "application/json",
        ...(coding === undefined ? {} : { "Content-Encoding": coding }),
      };
      const signal = AbortSignal.any([this.#stop, AbortSignal.timeout(LOGS_TIMEOUT_MS)]);
      const { status, retryAfterSeconds } = await this.source.upstream
        .post("/v1/opa/logs", headers, body, signal)
        .catch(() => {
          throw notNow("unavailable", "the server does not answer", 10);
        });
      if (status >= 300) {
        const retry: Record<string, string> =
          retryAfterSeconds === null ? {} : { "Retry-After": String(retryAfterSeconds) };
        throw new Refusal(status, null, "the server did not take the decisions", retry);
      }
      answerJson(request, response, 200, {});
    } finally {
      this.#logs -= 1;
    }
  }

  #take(report: LocalReport): void {
    if (!this.reports.take(report)) throw notNow("too_many_reports", "too many reports wait for the server", 10);
  }

  #count(what: string, status: number): void {
    const key = `${what} ${status}`;
    this.requests.set(key, (this.requests.get(key) ?? 0) + 1);
  }
}
