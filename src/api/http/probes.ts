import { answerError, answerJson } from "./answer.js";
import { methodNotAllowed } from "./error-body.js";
import type { NodeRequest, NodeResponse } from "./node-http.js";

/** What the probes report. */
export interface ProbeOptions {
  /** Told by /healthz. */
  readonly version: string;
  /** Whether requests can be served now. One that rejects counts as no. */
  readonly ready: () => Promise<boolean>;
  /** Why nothing can be changed now though everything can be read; null when it can. */
  readonly readOnly?: () => string | null;
  /** Why only what makes room can be changed now; null when the disk has space. Goes before `readOnly`. */
  readonly diskFull?: () => string | null;
}

/** Answers /healthz and /readyz (api.md, "health"): for everybody, and never counted by rate limits. */
export interface Probes {
  has(path: string): boolean;
  /** Never rejects. */
  answer(path: string, req: NodeRequest, res: NodeResponse, requestId: string): Promise<void>;
}

/** Answers GET /healthz and /readyz (docs/api.md), without a token or a rate limit. */
export function createProbes(options: ProbeOptions): Probes {
  const { version, ready, readOnly = () => null, diskFull = () => null } = options;
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
      const isReady = await ready().catch(() => false);
      answerJson(req, res, isReady ? 200 : 503, {}, JSON.stringify(isReady ? status() : { status: "unavailable" }));
    },
  };
}
