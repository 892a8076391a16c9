import { randomUUID } from "node:crypto";
import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { ServedPack, VectorCase } from "./case.js";
import { readPacks } from "./packs.js";

/** An answer. */
interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Uint8Array;
}

/**
 * Serves each step of each case of the vectors under a base URL of its own, `/cases/CASE/STEP` (steps from 0):
 *
 * - `…/v1/trust/roots/VERSION`, 404 above the newest
 * - `…/v1/bundles/latest/attestation`
 * - `…/v1/bundles/latest/content`
 * - 503 for all of them where the step says that the server is away
 *
 * `GET /cases` lists the cases without what they serve, each with its path. Tokens are not looked at.
 */
export function createVectorServer(cases: readonly VectorCase[] = [...readPacks().values()].flat()): Server {
  const byId = new Map(cases.map((it) => [it.id, it]));
  return createServer((request: IncomingMessage, response: ServerResponse) => {
    const { status, type, body } = answerTo(byId, request.method ?? "", request.url ?? "");
    response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body);
  });
}

function answerTo(cases: ReadonlyMap<string, VectorCase>, method: string, url: string): Answer {
  const [path = ""] = url.split("?");
  if (method !== "GET") return failure(405, "GET alone");
  if (path === "/cases") return json(200, { cases: [...cases.values()].map(summaryOf) });
  const [, id = "", index = "", rest = ""] = /^\/cases\/([a-z0-9-]+)\/(\d+)(\/.*)$/.exec(path) ?? [];
  const step = cases.get(id)?.steps[Number(index)];
  if (step === undefined) return failure(404, "no such case or step: see /cases");
  return step.serve === null ? failure(503, "this server is away") : answerFrom(step.serve, rest);
}

function answerFrom({ roots, attestation, content }: ServedPack, path: string): Answer {
  const [, version] = /^\/v1\/trust\/roots\/(\d+)$/.exec(path) ?? [];
  const root = version === undefined ? undefined : roots[version];
  if (root !== undefined) return { status: 200, type: "application/json", body: root };
  if (path === "/v1/bundles/latest/attestation") return { status: 200, type: "application/json", body: attestation };
  if (path === "/v1/bundles/latest/content") {
    return { status: 200, type: "application/json", body: Buffer.from(content, "base64") };
  }
  return failure(404, "not found");
}

function summaryOf({ id, name, must, root, init, identity, steps }: VectorCase) {
  return {
    ...{ id, name, must, root, init, identity },
    steps: steps.map(({ now, damage, expect }, index) => ({ path: `/cases/${id}/${index}`, now, damage, expect })),
  };
}

function json(status: number, value: object): Answer {
  return { status, type: "application/json", body: JSON.stringify(value) };
}

/** As Signet says it (docs/api.md, "Errors"): a client may take any other 404 for a page of a proxy. */
function failure(status: number, message: string): Answer {
  const error = STATUS_CODES[status] ?? "";
  return json(status, { detail: message, error, message, code: status, status, requestId: randomUUID() });
}
