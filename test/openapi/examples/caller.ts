import type { Example } from "../../../tools/openapi/examples.js";
import { operations } from "../document.js";

/** Whose token a call has. */
export type Role = "operator" | "admin" | "runtime";

/** One call of a life: what is left out of the path is Acme's project Shop, and its environment dev. */
export interface Ask {
  /** `admin` when it is left out. */
  readonly as?: Role;
  readonly path?: Readonly<Record<string, string | number>>;
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** It is needed for another call, and is no example itself. */
  readonly unrecorded?: boolean;
}

/** Calls operations by their ids, and keeps what was said and heard. */
export interface Caller {
  <T>(operationId: string, ask?: Ask): Promise<T>;
  /** From now on this role has this token. */
  token(role: Role, rawKey: string): void;
}

const EVENTS = new Set(["watchBundle", "watchEnvironments"]);
/** A line has what an event of it leaves out. */
const LINES = new Set(["watchPolicies"]);

const NAMES = { org_id: "acme", project_id: "shop", env_name: "dev", source_env: "dev" };

/**
 * A caller of a server. It throws when an answer is not the success of its operation, and puts each operation's newest call into
 * `examples`.
 */
export function createCaller(url: string, operatorToken: string, examples: Map<string, Example>): Caller {
  const tokens: Record<Role, string> = { operator: operatorToken, admin: "", runtime: "" };
  const known = new Map(operations().map((operation) => [operation.operation.operationId, operation]));
  const call = async (operationId: string, ask: Ask = {}): Promise<unknown> => {
    const found = known.get(operationId);
    if (found === undefined) throw new Error(`no operation ${operationId}`);
    const values: Readonly<Record<string, string | number>> = { ...NAMES, ...ask.path };
    const used: Record<string, string | number | boolean> = { ...ask.query };
    const path = found.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      const value = values[name];
      if (value === undefined) throw new Error(`${operationId} needs ${name}`);
      used[name] = value;
      return encodeURIComponent(value);
    });
    const query = new URLSearchParams(
      Object.entries(ask.query ?? {}).map(([name, value]): [string, string] => [name, String(value)]),
    );
    const answer = await fetch(`${url}${path}${query.size > 0 ? `?${query.toString()}` : ""}`, {
      method: found.method,
      headers: {
        Authorization: `Bearer ${tokens[ask.as ?? "admin"]}`,
        ...(ask.body === undefined ? {} : { "Content-Type": "application/json" }),
        ...ask.headers,
        ...(EVENTS.has(operationId) ? { Accept: "text/event-stream" } : {}),
      },
      ...(ask.body === undefined ? {} : { body: JSON.stringify(ask.body) }),
    });
    const end = EVENTS.has(operationId) ? "\n\n" : LINES.has(operationId) ? "\n" : null;
    const text = end === null ? await answer.text() : await firstMessage(answer, end);
    if (!(String(answer.status) in found.operation.responses) || answer.status >= 300)
      throw new Error(`${operationId}: ${found.method} ${path} answered ${answer.status} ${text}`);
    const isJson = answer.headers.get("content-type")?.startsWith("application/json") ?? false;
    const response = text === "" ? undefined : isJson ? (JSON.parse(text) as unknown) : text;
    if (ask.unrecorded !== true)
      examples.set(operationId, {
        parameters: { ...used, ...ask.headers },
        ...(ask.body === undefined ? {} : { request: ask.body }),
        ...(response === undefined ? {} : { response }),
      });
    return response;
  };
  return Object.assign(call as <T>(operationId: string, ask?: Ask) => Promise<T>, {
    token: (role: Role, rawKey: string) => void (tokens[role] = rawKey),
  });
}

/** The first message of a stream, which is then closed. */
async function firstMessage(answer: Response, ending: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of answer.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    const end = text.indexOf(ending);
    if (end >= 0) return text.slice(0, end + ending.length);
  }
  return text;
}
