import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { createTestProject } from "./project.js";
import { overHttp1, overHttp2, type Asked, type HeaderList, type Seen } from "./seen-answer.js";

/** What the cases are made of: the same for both ways of asking. */
interface Known {
  readonly dev: string;
  /** Of an environment in which nothing is active. */
  readonly empty: string;
  readonly hash: string;
  readonly etag: string;
  readonly deploymentId: string;
}

const PATH = "/v1/bundles/latest";
const ID = ["X-Request-Id", "parity"] as const;

/** Asks for nothing that a poll could do, and so changes no answer; polls with a preference are not answered from memory. */
const COMMON_WAY = ["Prefer", "respond-async"] as const;

const get = (headers: HeaderList, more: Partial<Asked> = {}) => ({ path: PATH, headers, ...more });

/** If-None-Match in every form that there is. */
const TAGS: Readonly<Record<string, (known: Known) => string>> = {
  quoted: ({ etag }) => `"${etag}"`,
  unquoted: ({ etag }) => etag,
  weak: ({ etag }) => `W/"${etag}"`,
  "weak and unquoted": ({ etag }) => `W/${etag}`,
  "last of a list": ({ etag }) => `"a", W/"b", "${etag}"`,
  "first of a list without spaces": ({ etag }) => `"${etag}","a"`,
  any: () => "*",
  "any in a list": () => '"a", *',
  "any, quoted": () => '"*"',
  "the bare policy hash": ({ hash }) => `"${hash}"`,
  "the bare policy hash, unquoted": ({ hash }) => hash,
  "the policy hash and another sequence": ({ hash }) => `"${hash}.7"`,
  "the beginning": ({ etag }) => `"${etag.slice(0, -1)}"`,
  "upper case": ({ etag }) => `"${etag.toUpperCase()}"`,
  "another one": () => '"other"',
  "a list of others": () => '"a", "b", W/"c"',
  "without a closing quote": ({ etag }) => `"${etag}`,
  "with spaces around": ({ etag }) => `  "${etag}"  `,
  "an empty list": () => ", ,",
  nothing: () => "",
};

const CASES: Readonly<Record<string, (known: Known) => Asked>> = {
  plain: ({ dev }) => get([["X-API-Key", dev]]),
  "with a bearer token": ({ dev }) => get([["Authorization", `Bearer ${dev}`]]),
  "with the scheme in lower case": ({ dev }) => get([["Authorization", `bearer ${dev}`]]),
  "with both, the first of which wins": ({ dev }) =>
    get([
      ["X-API-Key", dev],
      ["Authorization", "Bearer nobody"],
    ]),
  "with a bad key and a good bearer token": ({ dev }) =>
    get([
      ["X-API-Key", "no"],
      ["Authorization", `Bearer ${dev}`],
    ]),
  "with a key twice": ({ dev }) =>
    get([
      ["X-API-Key", dev],
      ["X-API-Key", dev],
    ]),
  "with the key of another place": ({ dev }) => get([["Cookie", `token=${dev}`]], { path: `${PATH}?token=${dev}` }),
  "with another scheme": ({ dev }) => get([["Authorization", `Basic ${dev}`]]),
  "without a token": () => get([]),
  "with a token that is none": () => get([["X-API-Key", "nobody"]]),
  "with a token without the scope": () => get([["X-API-Key", ADMIN_TOKEN]]),
  "with nothing active": ({ empty }) => get([["X-API-Key", empty]]),
  "with nothing active, and any tag": ({ empty }) =>
    get([
      ["X-API-Key", empty],
      ["If-None-Match", "*"],
    ]),
  ...Object.fromEntries(
    Object.entries(TAGS).flatMap(([name, tagOf]) =>
      ["GET", "HEAD"].map((method) => [
        `${method} with a tag: ${name}`,
        (known: Known) =>
          get(
            [
              ["X-API-Key", known.dev],
              ["If-None-Match", tagOf(known)],
            ],
            { method },
          ),
      ]),
    ),
  ),
  "with tags in two headers": ({ dev, etag }) =>
    get([
      ["X-API-Key", dev],
      ["If-None-Match", '"a"'],
      ["If-None-Match", `"${etag}"`],
    ]),
  HEAD: ({ dev }) => get([["X-API-Key", dev]], { method: "HEAD" }),
  "HEAD without a token": () => get([], { method: "HEAD" }),
  "HEAD with nothing active": ({ empty }) => get([["X-API-Key", empty]], { method: "HEAD" }),
  POST: ({ dev }) => get([["X-API-Key", dev]], { method: "POST" }),
  DELETE: ({ dev }) => get([["X-API-Key", dev]], { method: "DELETE" }),
  OPTIONS: ({ dev }) => get([["X-API-Key", dev]], { method: "OPTIONS" }),
  ...Object.fromEntries(
    [
      "?",
      "?x=1",
      "?wait=1",
      "?after_sequence=1",
      "?after_sequence=2",
      "?after_sequence=01",
      "?after_sequence=4294967296",
      "?%",
      "?x=%ff",
      "/",
      "//",
      "?x=1&x=2",
    ].map((more) => [`the path and ${more}`, ({ dev }: Known) => get([["X-API-Key", dev]], { path: PATH + more })]),
  ),
  "with a cursor": ({ dev, deploymentId }) =>
    get([["X-API-Key", dev]], { path: `${PATH}?after_sequence=1&after_deployment_id=${deploymentId}` }),
  "with a cursor in another order": ({ dev, deploymentId }) =>
    get([["X-API-Key", dev]], { path: `${PATH}?after_deployment_id=${deploymentId}&after_sequence=1` }),
  "with a cursor that another activation is": ({ dev, deploymentId }) =>
    get([["X-API-Key", dev]], { path: `${PATH}?after_sequence=1&after_deployment_id=a${deploymentId.slice(1)}x` }),
  "with an id of capitals": ({ dev, deploymentId }) =>
    get([["X-API-Key", dev]], { path: `${PATH}?after_sequence=1&after_deployment_id=${deploymentId.toUpperCase()}` }),
  "with a cursor and any tag": ({ dev }) =>
    get(
      [
        ["X-API-Key", dev],
        ["If-None-Match", "*"],
      ],
      { path: `${PATH}?after_sequence=1` },
    ),
  "HEAD with a cursor": ({ dev }) => get([["X-API-Key", dev]], { path: `${PATH}?after_sequence=1`, method: "HEAD" }),
  "an escaped path": ({ dev }) => get([["X-API-Key", dev]], { path: "/v1/bundles/l%61test" }),
  ...Object.fromEntries(
    ["text/html", "image/png;q=1", "application/json;q=0", "*/*", "text/event-stream", ";;"].map((accept) => [
      `that accepts ${accept}`,
      ({ dev }: Known) =>
        get([
          ["X-API-Key", dev],
          ["Accept", accept],
        ]),
    ]),
  ),
  "that accepts gzip": ({ dev }) =>
    get([
      ["X-API-Key", dev],
      ["Accept-Encoding", "gzip, br"],
    ]),
  "of a part": ({ dev }) =>
    get([
      ["X-API-Key", dev],
      ["Range", "bytes=0-9"],
    ]),
  "since a time": ({ dev }) =>
    get([
      ["X-API-Key", dev],
      ["If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"],
    ]),
  "if it is what it is not": ({ dev }) =>
    get([
      ["X-API-Key", dev],
      ["If-Match", '"7"'],
    ]),
  "with a Last-Event-ID that is none": ({ dev }) =>
    get([
      ["X-API-Key", dev],
      ["Last-Event-ID", "x"],
    ]),
  "from another origin": ({ dev }) =>
    get([
      ["X-API-Key", dev],
      ["Origin", "https://example.com"],
    ]),
  "with a type": ({ dev }) =>
    get([
      ["X-API-Key", dev],
      ["Content-Type", "text/plain"],
    ]),
  "with a body": ({ dev }) =>
    get(
      [
        ["X-API-Key", dev],
        ["Content-Type", "application/json"],
        ["Content-Length", "2"],
      ],
      { body: "{}" },
    ),
  "with a body of no bytes": ({ dev }) =>
    get([
      ["X-API-Key", dev],
      ["Content-Length", "0"],
    ]),
  "with a body that is expected": ({ dev }) =>
    get(
      [
        ["X-API-Key", dev],
        ["Content-Length", "2"],
        ["Expect", "100-continue"],
      ],
      { body: "{}" },
    ),
  "with a traceparent": ({ dev }) =>
    get([
      ["X-API-Key", dev],
      ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
    ]),
  "with a request id that is too long": ({ dev }) =>
    get([
      ["X-API-Key", dev],
      ["X-Request-Id", "x".repeat(129)],
    ]),
  "held for no time": ({ dev }) =>
    get([
      ["X-API-Key", dev],
      ["If-None-Match", "*"],
      ["Prefer", "wait=0"],
    ]),
  "held until it expires": ({ dev }) =>
    get([
      ["X-API-Key", dev],
      ["If-None-Match", "*"],
      ["Prefer", "wait=1"],
    ]),
  "held with nothing active until it expires": ({ empty }) =>
    get([
      ["X-API-Key", empty],
      ["Prefer", "wait=1"],
    ]),
  "held with a tag that is not it": ({ dev }) =>
    get([
      ["X-API-Key", dev],
      ["If-None-Match", '"a"'],
      ["Prefer", "wait=300"],
    ]),
  "held for a time that is none": ({ dev }) =>
    get([
      ["X-API-Key", dev],
      ["If-None-Match", "*"],
      ["Prefer", "wait=x"],
    ]),
  "with another preference": ({ dev }) =>
    get([
      ["X-API-Key", dev],
      ["Prefer", "respond-async"],
    ]),
};

/** Node's client of HTTP/2 sends such a header once. */
const versionsOf = (name: string) =>
  name === "with tags in two headers" ? (["1.1"] as const) : (["1.1", "2"] as const);

describe.each([
  ["without a rate limit", "0", PATH],
  ["with a rate limit", "100000", PATH],
  ["of the policies alone", "0", "/v1/policies/latest"],
])("a poll is answered the same from memory and by its method, %s", (_, rateLimit, polled) => {
  const seen = new Map<string, Seen[]>();
  let first: TestServer;
  beforeAll(async () => {
    first = await startTestServer({ SIGNET_RATE_LIMIT: rateLimit });
    const project = await createTestProject(first, "parity");
    await project.publish("dev", 1, 300);
    const [dev, empty] = [project.runtimeToken.dev, project.runtimeToken.prod];
    const answer = await fetch(`${first.url}${polled}`, { headers: { "X-API-Key": dev } });
    const etag = answer.headers.get("etag")?.slice(1, -1) ?? "";
    const deploymentId = answer.headers.get("signet-deployment-id") ?? "";
    const known = { dev, empty, etag, deploymentId, hash: etag.slice(0, etag.lastIndexOf(".")) };
    await askAll(first.url, known, []);
    await askAll(first.url, known, [COMMON_WAY]);
  }, 120_000);
  afterAll(() => first[Symbol.asyncDispose]());

  async function askAll(url: string, known: Known, more: HeaderList): Promise<void> {
    // A token that has called is one that is in memory.
    await Promise.all(
      [known.dev, known.empty].map((token) => fetch(`${url}${polled}`, { headers: { "X-API-Key": token } })),
    );
    const asking = Object.entries(CASES).flatMap(([name, askedOf]) =>
      versionsOf(name).map(async (version) => {
        const { path, ...asked } = askedOf(known);
        const id = asked.headers.some(([name]) => name === ID[0]) ? [] : [ID];
        const headers = [...id, ...asked.headers, ...more];
        const answer = await (version === "2" ? overHttp2 : overHttp1)(url, {
          ...asked,
          path: path.replace(PATH, polled),
          headers,
        });
        const key = `${name} over HTTP/${version}`;
        seen.set(key, [...(seen.get(key) ?? []), answer]);
      }),
    );
    await Promise.all(asking);
  }

  it.each(Object.keys(CASES).flatMap((name) => versionsOf(name).map((version) => `${name} over HTTP/${version}`)))(
    "%s",
    (key) => {
      const [hot, generic] = seen.get(key) ?? [];
      expect(hot).toEqual(generic);
      expect(hot?.status).toBeGreaterThanOrEqual(200);
    },
  );

  it("with every status that a poll can have", () => {
    const statuses = new Set([...seen.values()].flat().map(({ status }) => status));
    expect([...statuses].sort((a, b) => a - b)).toEqual([200, 204, 304, 400, 401, 403, 404, 405, 422]);
  });
});
