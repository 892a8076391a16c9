import { create } from "@bufbuild/protobuf";
import { OperationSchema, Scope, type Operation } from "../../../gen/signet/v1/options_pb.js";
import { AppError, invalidField } from "../../core/error.js";
import type { Principal } from "../../core/token.js";
import type { ConsoleSessions } from "../../service/tokens/console-sessions.js";
import type { RateState, RequestHead } from "../admission/admission.js";
import type { Authenticator } from "../admission/authenticator.js";
import { toAppError } from "../admission/error-status.js";
import { onceMoreOnFullDisk, type OnRefused } from "../admission/guard.js";
import { answerError, answerJson } from "../http/answer.js";
import { requestConnection } from "../http/connection.js";
import { methodNotAllowed } from "../http/error-body.js";
import { headerOf, type NodeRequest, type NodeResponse } from "../http/node-http.js";
import { readBody } from "../http/read-body.js";
import type { RequestReport } from "../http/request-outcome.js";
import type { SessionCookies } from "./session-cookies.js";

/** Where browsers sign in and out. */
export const SESSION_PATH = "/console/session";

/** A token has at most 4,096 characters. */
const MAX_BODY_BYTES = 8 * 1024;

const METHODS = ["DELETE", "GET", "POST"];

const SIGN_IN = operation("createConsoleSession");
const LOOK = operation("getConsoleSession");
const SIGN_OUT = operation("deleteConsoleSession");

/** Not of the proto, whose methods know no cookies: only the console's pages call them. */
function operation(id: string): Operation {
  return create(OperationSchema, { id, scope: Scope.ANY, successStatus: 200 });
}

/** What the endpoint works with. */
export interface SessionEndpointOptions {
  readonly admission: Authenticator;
  readonly sessions: Pick<ConsoleSessions, "open" | "authenticate" | "end" | "endsOf">;
  readonly cookies: SessionCookies;
  /** The answer of whoAmI, as REST writes it. */
  readonly describe: (principal: Principal) => Promise<string>;
  readonly onRefused: OnRefused;
}

/** `POST`, `GET` and `DELETE /console/session` (docs/api.md, "Sessions of the console"). */
export interface SessionEndpoint {
  /** Throws the errors of admission, and what refuses a sign-in. */
  answer(req: NodeRequest, res: NodeResponse, report: RequestReport, onRate: (state: RateState) => void): Promise<void>;
}

/** Signs browsers in to the console and out. */
export function createSessionEndpoint(options: SessionEndpointOptions): SessionEndpoint {
  return {
    async answer(req, res, report, onRate) {
      report.protocol = "rest";
      const exchange = { req, res, report, onRate };
      const method: string = req.method ?? "";
      switch (method) {
        case "POST":
          return await signIn(options, exchange);
        case "GET":
        case "HEAD":
          return await look(options, exchange);
        case "DELETE":
          return await signOut(options, exchange);
        default:
          answerError(req, res, methodNotAllowed(method, METHODS, report.requestId));
      }
    },
  };
}

interface Exchange {
  readonly req: NodeRequest;
  readonly res: NodeResponse;
  readonly report: RequestReport;
  readonly onRate: (state: RateState) => void;
}

/** A session that the browser had before ends with the new one. */
async function signIn(options: SessionEndpointOptions, exchange: Exchange): Promise<void> {
  const { sessions, cookies, onRefused } = options;
  const { req, res, report } = exchange;
  report.operationId = SIGN_IN.id;
  const foreign = cookies.foreignOrigin(req);
  if (foreign !== null) throw foreign;
  const name = cookies.nameFor(req);
  const token = await tokenOf(req);
  // As a request with the token would be: counted, limited and logged alike.
  const principal = await admit(options, exchange, SIGN_IN, { rawHeaders: ["x-api-key", token] });
  try {
    const { id, session } = await onceMoreOnFullDisk(true, async () => sessions.open(principal));
    await endBefore(options, req, principal);
    res.setHeader("Set-Cookie", cookies.set(name, id));
    await answerSession(options, exchange, { ...principal, sessionHash: session.hash });
  } catch (thrown) {
    if (toAppError(thrown).code === "forbidden") onRefused(principal, SIGN_IN.id, "forbidden");
    throw thrown;
  }
}

/** Nothing that others know of: without a cookie there is nothing to guess, and so it counts as no failed authentication. */
async function look(options: SessionEndpointOptions, exchange: Exchange): Promise<void> {
  const { req, res, report } = exchange;
  report.operationId = LOOK.id;
  const session = options.cookies.read(req);
  if (session === undefined) throw notSignedIn();
  try {
    const principal = await admit(options, exchange, LOOK, { rawHeaders: req.rawHeaders, session: () => session });
    await answerSession(options, exchange, principal);
  } catch (thrown) {
    if (toAppError(thrown).code === "unauthenticated") forget(options, req, res);
    throw thrown;
  }
}

/** Signed out is whoever has no session, too. */
async function signOut(options: SessionEndpointOptions, exchange: Exchange): Promise<void> {
  const { sessions, cookies } = options;
  const { req, res, report } = exchange;
  report.operationId = SIGN_OUT.id;
  const session = cookies.read(req);
  if (session !== undefined) {
    try {
      const principal = await admit(options, exchange, SIGN_OUT, { rawHeaders: [], session: () => session });
      await onceMoreOnFullDisk(true, async () => sessions.end(principal));
    } catch (thrown) {
      if (toAppError(thrown).code !== "unauthenticated") throw thrown;
    }
    forget(options, req, res);
  }
  answerJson(req, res, 204, {}, undefined);
}

async function admit(
  { admission }: SessionEndpointOptions,
  { req, report, onRate }: Exchange,
  operation: Operation,
  credentials: Pick<RequestHead, "rawHeaders" | "session">,
): Promise<Principal> {
  const { requestId, clientAddress } = report;
  const connection = requestConnection(req);
  const { principal } = await admission.admitTo(operation, {
    ...{ requestId, clientAddress, connection, onRate },
    ...credentials,
  });
  report.keyPrefix = principal.keyPrefix;
  report.keyName = principal.tokenName;
  return principal;
}

async function answerSession(
  { sessions, describe }: SessionEndpointOptions,
  { req, res }: Exchange,
  principal: Principal,
): Promise<void> {
  // A token of its own in a header, beside which no cookie counts.
  if (principal.sessionHash === undefined) throw notSignedIn();
  const { createdAt, idleEndsAt, endsAt } = await sessions.endsOf(principal);
  const times = JSON.stringify({ created_at: createdAt, idle_ends_at: idleEndsAt, ends_at: endsAt });
  answerJson(req, res, 200, {}, `{"who":${await describe(principal)},${times.slice(1)}`);
}

/** Ends the session that the browser had before, if that is still one. */
async function endBefore(
  { sessions, cookies }: SessionEndpointOptions,
  req: NodeRequest,
  { source }: Principal,
): Promise<void> {
  const before = cookies.read(req);
  if (before === undefined) return;
  try {
    const principal = await sessions.authenticate({ id: before.id, isUnattended: true });
    await sessions.end({ ...principal, ...(source === undefined ? {} : { source }) });
  } catch (thrown) {
    if (toAppError(thrown).code !== "unauthenticated") throw thrown;
  }
}

/** The token in the body `{"token": "…"}`. Throws `unsupported_media_type`, `too_large`, `malformed` and `invalid`. */
async function tokenOf(req: NodeRequest): Promise<string> {
  const [mediaType] = (headerOf(req, "content-type") ?? "").split(";", 1);
  if (mediaType?.trim().toLowerCase() !== "application/json" || req.headers["content-encoding"] !== undefined) {
    throw new AppError("unsupported_media_type", 'send {"token": "…"} as application/json');
  }
  const body = Buffer.from(await readBody(req, MAX_BODY_BYTES, null)).toString("utf8");
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    // Its message would repeat a part of the body.
    throw new AppError("malformed", "the body is not valid JSON");
  }
  const token = parsed !== null && typeof parsed === "object" && "token" in parsed ? parsed.token : undefined;
  if (token === undefined) throw invalidField(["token"], "is required", "missing");
  if (typeof token !== "string") throw invalidField(["token"], "must be a string", "type");
  return token;
}

function forget({ cookies }: SessionEndpointOptions, req: NodeRequest, res: NodeResponse): void {
  const cleared = cookies.clear(req);
  if (cleared.length > 0) res.setHeader("Set-Cookie", cleared);
}

function notSignedIn(): AppError {
  return new AppError("unauthenticated", "not signed in to the console", { reason: "session_ended" });
}
