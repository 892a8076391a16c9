import { request } from "node:http";
import { connect } from "node:http2";

/** Names and values, a name as often as it is sent. */
export type HeaderList = readonly (readonly [string, string])[];

/** A request as a test writes it down. */
export interface Asked {
  readonly method?: string;
  readonly path: string;
  readonly headers: HeaderList;
  readonly body?: string;
}

/** Everything that a client can see of an answer but its date. */
export interface Seen {
  readonly status: number;
  /** Names have no case (RFC 9110, section 5.1). */
  readonly headers: readonly string[];
  readonly body: string;
}

const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

/** Asks over HTTP/1.1, by a connection of its own. */
export function overHttp1(url: string, { method = "GET", path, headers, body }: Asked): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const sent = request(url + path, { method, agent: false, setHost: false }, (res) => {
      const chunks: Buffer[] = [];
      res.on("data", (chunk: Buffer) => chunks.push(chunk));
      res.on("error", reject);
      res.on("end", () => resolve(seenOf(res.statusCode ?? 0, pairs(res.rawHeaders), Buffer.concat(chunks))));
    });
    sent.on("error", reject);
    for (const name of new Set(["Host", ...headers.map(([name]) => name)])) {
      const values = name === "Host" ? ["localhost"] : headers.filter((it) => it[0] === name).map(([, value]) => value);
      sent.setHeader(name, values.length === 1 ? (values[0] ?? "") : values);
    }
    sent.end(body);
  });
}

/** Asks over HTTP/2, by a connection of its own. */
export async function overHttp2(url: string, { method = "GET", path, headers, body }: Asked): Promise<Seen> {
  const session = connect(url);
  try {
    const fields: Record<string, string | string[]> = { ":method": method, ":path": path };
    for (const [name, value] of headers) {
      const known = fields[name.toLowerCase()];
      fields[name.toLowerCase()] = known === undefined ? value : [...[known].flat(), value];
    }
    const stream = session.request(fields, { endStream: body === undefined });
    const answered = new Promise<Record<string, unknown>>((resolve) => stream.once("response", resolve));
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    if (body !== undefined) stream.end(body);
    const received = await new Promise<Record<string, unknown>>((resolve, reject) => {
      stream.once("error", reject);
      stream.once("close", () => void answered.then(resolve));
    });
    const { ":status": status, ...rest } = received;
    return seenOf(
      Number(status),
      Object.entries(rest).map(([name, value]) => [name, String(value)]),
      Buffer.concat(chunks),
    );
  } finally {
    session.close();
  }
}

function pairs(rawHeaders: readonly string[]): [string, string][] {
  return rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [[name, rawHeaders[at + 1] ?? ""]] : []));
}

/**
 * Without what differs from one run to the next. A request id that was not taken is a new one. What is left of a budget is the same
 * only for what is not counted.
 */
function seenOf(status: number, headers: readonly (readonly [string, string])[], body: Buffer): Seen {
  const isCounted = status !== 200 && status !== 304;
  const shown = ([name, value]: readonly [string, string]): string[] => {
    const key = name.toLowerCase();
    if (key === "date") return [];
    if (key === "x-request-id") return [`${key}: ${value.replace(UUID, "UUID")}`];
    // It is another one every minute.
    if (key === "signet-lease") return [`${key}: ${value.replace(/^[A-Za-z0-9_-]{500,}$/, "LEASE")}`];
    if (isCounted && /^x-ratelimit-(remaining|reset)$/.test(key)) return [`${key}: ${value.replace(/^\d+$/, "N")}`];
    return [`${key}: ${value}`];
  };
  return {
    status,
    headers: headers.flatMap(shown).sort(),
    body: body.toString().replace(/("requestId":")[0-9a-f-]{36}/, "$1UUID"),
  };
}
