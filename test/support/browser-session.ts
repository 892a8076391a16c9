import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";

/** An answer, with its headers as they came. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** One request over HTTP/1.1 with every header as it is given: fetch would refuse Host, Cookie and Sec-Fetch-Site. */
export async function send(
  url: string,
  method: string,
  headers: Readonly<Record<string, string>> = {},
  body?: string,
): Promise<RawAnswer> {
  return await new Promise((resolve, reject) => {
    const sent = httpRequest(url, { method, headers, agent: false }, (answer: IncomingMessage) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (part: string) => (text += part));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
      answer.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** The headers that a browser adds to a call of a page of the server's own. */
export function ownPage(url: string): Record<string, string> {
  return { origin: new URL(url).origin, "sec-fetch-site": "same-origin" };
}

/** Signs in as the console does. */
export async function signIn(
  url: string,
  token: string,
  headers: Readonly<Record<string, string>> = ownPage(url),
): Promise<RawAnswer> {
  const all = { ...headers, "content-type": "application/json" };
  return await send(`${url}/console/session`, "POST", all, JSON.stringify({ token }));
}

/** `name=value` of the cookie that an answer sets. Throws when it sets none. */
export function cookieOf({ status, headers, text }: RawAnswer): string {
  const [cookie] = headers["set-cookie"] ?? [];
  const [pair] = (cookie ?? "").split(";");
  if (pair === undefined || pair === "") throw new Error(`no cookie: ${status} ${text}`);
  return pair;
}

/** An answer that goes on: resolves with its first part, and tells when it is over. */
export async function openStream(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly over: Promise<string> }> {
  return await new Promise((resolve, reject) => {
    const sent = httpRequest(url, { headers, agent: false }, (answer: IncomingMessage) => {
      let text = "";
      answer.setEncoding("utf8");
      const over = new Promise<string>((ended, failed) => {
        answer.on("end", () => ended(text));
        answer.on("error", failed);
      });
      answer.on("data", (part: string) => {
        text += part;
        resolve({ status: answer.statusCode ?? 0, over });
      });
      void over.then(() => resolve({ status: answer.statusCode ?? 0, over }), reject);
    });
    sent.on("error", reject);
    sent.end();
  });
}
