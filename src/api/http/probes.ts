import { invalidField } from "../../core/error.js";
import { waitFor } from "../../core/schedule/wait.js";
import { answerError, answerJson } from "./answer.js";
import { errorAnswer, methodNotAllowed } from "./error-body.js";
import { queryOf, type NodeRequest, type NodeResponse } from "./node-http.js";

/** What the probes report. */
export interface ProbeOptions {
  /** Told by /healthz. */
  readonly version: string;
  /** Whether requests can be served now. One that rejects, or does not answer in time, counts as no. */
  readonly ready: () => Promise<boolean>;
  /** How long `ready` is waited for, in milliseconds: a database that hangs answers after much longer. */
  readonly readyTimeoutMs?: number;
  /** Whether the server ends. */
  readonly shutdownSignal: AbortSignal;
  /** Why nothing can be changed now though everything can be read; null when it can. */
  readonly readOnly?: () => string | null;
  /** Why only what makes room can be changed now; null when the disk has space. Goes before `readOnly`. */
  readonly diskFull?: () => string | null;
}

/** Longer than a connection to a database takes that is there. */
const READY_TIMEOUT_MS = 5_000;

const UNKNOWN_EXCLUDE = invalidField(["exclude"], "takes the value database only", "value", "query");

/** Answers /healthz and /readyz (api.md, "health"): for everybody, and never counted by rate limits. */
export interface Probes {
  has(path: string): boolean;
  /** Never rejects. */
  answer(path: string, req: NodeRequest, res: NodeResponse, requestId: string): Promise<void>;
}

/**
 * Answers GET /healthz and /readyz (docs/api.md), without a token or a rate limit. `/readyz?exclude=database` tells whether the process
 * takes requests, whatever the database does: where unready processes get no traffic, all of them would be cut off together while the
 * database is away, though each could answer polls from memory. The parameter is that of Kubernetes' own servers.
 */
export function createProbes(options: ProbeOptions): Probes {
  const { version, ready, shutdownSignal, readOnly = () => null, diskFull = () => null } = options;
  const { readyTimeoutMs = READY_TIMEOUT_MS } = options;
  const status = () => {
    const full = diskFull();
    if (full !== null) return { status: "disk_full", reason: full };
    const reason = readOnly();
    return reason === null ? { status: "ok" } : { status: "read_only", reason };
  };
  return {
    has: (path) => path === "/healthz" || path === "/readyz",
    answer: async (path, req, res, requestId) => {
      if (req.method !== "GET" && req.method !== "HEAD") {
        answerError(req, res, methodNotAllowed(req.method ?? "", ["GET", "HEAD"], requestId));
        return;
      }
      if (path === "/healthz") {
        answerJson(req, res, 200, {}, JSON.stringify({ status: "ok", version }));
        return;
      }
      const excluded = queryOf(req).getAll("exclude");
      const unknown = excluded.find((name) => name !== "database");
      if (unknown !== undefined) {
        answerError(req, res, errorAnswer(UNKNOWN_EXCLUDE, requestId));
        return;
      }
      // A database that hangs must not hold up the answer: it is not asked at all.
      const ask = excluded.length > 0 ? async () => true : ready;
      const isReady = !shutdownSignal.aborted && (await isSoon(ask, readyTimeoutMs));
      answerJson(req, res, isReady ? 200 : 503, {}, JSON.stringify(isReady ? status() : { status: "unavailable" }));
    },
  };
}

/** What `ask` answers; false when it rejects or does not answer in time. */
async function isSoon(ask: () => Promise<boolean>, timeoutMs: number): Promise<boolean> {
  let answer = false;
  const asked = ask().then((is) => {
    answer = is;
  });
  return (await waitFor(asked, timeoutMs).catch(() => false)) && answer;
}
