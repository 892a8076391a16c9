import { AppError } from "../../core/error.js";
import type { SessionCookie } from "../admission/admission.js";
import { authorityOf, headerOf, type NodeRequest } from "../http/node-http.js";
import { foreignOrigin, type IsOwnOrigin } from "./same-origin.js";

/** With this prefix a browser takes a cookie only from this host itself, over https, and for all paths (RFC 6265bis, section 4.1.3.2). */
const SECURE_NAME = "__Host-signet";
/** Over plain HTTP on this machine, where browsers know no such prefix. */
const PLAIN_NAME = "signet";

const ATTRIBUTES = "Path=/; HttpOnly; SameSite=Strict";

/** A call that nobody at the keyboard asked for: it is no use of the session. */
const UNATTENDED_HEADER = "signet-unattended";

/** The names by which a browser reaches its own machine. */
const LOOPBACK = /^(?:localhost|[^:]+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Cookies of the console's sessions. */
export interface SessionCookies {
  /** The session of a request, unless it has none. */
  read(req: NodeRequest): SessionCookie | undefined;
  /** As {@link foreignOrigin}. */
  foreignOrigin(req: NodeRequest): AppError | null;
  /**
   * The name of the cookie that the browser of a request would keep to itself. Throws `forbidden` for a page over plain HTTP that is not
   * on this machine.
   */
  nameFor(req: NodeRequest): SessionCookieName;
  /** The Set-Cookie header of a new session. */
  set(name: SessionCookieName, id: string): string;
  /** The Set-Cookie headers that make a browser forget what it sent. */
  clear(req: NodeRequest): readonly string[];
}

/** `__Host-signet` over https, `signet` over plain HTTP on this machine. */
export type SessionCookieName = typeof SECURE_NAME | typeof PLAIN_NAME;

/**
 * @param isOwn whether an origin is one of the server's own
 * @param publicOrigins those of SIGNET_PUBLIC_URL
 */
export function createSessionCookies(isOwn: IsOwnOrigin, publicOrigins: readonly string[] = []): SessionCookies {
  const isLocal = publicOrigins.length > 0 && publicOrigins.every(isPlainLoopback);
  return {
    read(req) {
      const id = idOf(req, isOwn, isLocal);
      if (id === undefined) return undefined;
      return { id, refusal: foreignOrigin(req, isOwn), isUnattended: headerOf(req, UNATTENDED_HEADER) === "true" };
    },
    foreignOrigin: (req) => foreignOrigin(req, isOwn),
    nameFor(req) {
      const page = headerOf(req, "origin");
      if (isSecure(req, page)) return SECURE_NAME;
      if (isLoopback(hostOf(req, page))) return PLAIN_NAME;
      throw new AppError(
        "forbidden",
        "sign in over https: this page came over plain HTTP, where others could read the token. Give the server a certificate " +
          "(--tls-cert, --tls-key), put a proxy with TLS before it, or open it on its own machine, for example through " +
          "ssh -L 8080:127.0.0.1:8080",
        { reason: "insecure_origin" },
      );
    },
    set: (name, id) => `${name}=${id}; ${attributesOf(name)}`,
    clear: (req) =>
      [SECURE_NAME, PLAIN_NAME]
        .filter((name) => valuesOf(req, name).length > 0)
        .map((name) => `${name}=; ${attributesOf(name)}; Max-Age=0`),
  };
}

function attributesOf(name: string): string {
  return name === SECURE_NAME ? `${ATTRIBUTES}; Secure` : ATTRIBUTES;
}

/**
 * A page of another host of the domain can set `signet` for this one, but not `__Host-signet`: the plain name counts on this machine alone,
 * and beside the other one not at all. Behind a proxy of this machine that changes Host (`isLocal`) only the public URLs say so: a browser
 * leaves Origin out where nothing is changed, as when the page is loaded again.
 */
function idOf(req: NodeRequest, isOwn: IsOwnOrigin, isLocal: boolean): string | undefined {
  const [id] = valuesOf(req, SECURE_NAME);
  if (id !== undefined) return id;
  const origin = headerOf(req, "origin");
  // A foreign page is refused, and tells nothing of how the server is reached.
  const page = origin !== undefined && isOwn(req, origin) ? origin : undefined;
  if (isSecure(req, page)) return undefined;
  const isHere = isLoopback(hostOf(req, page)) || (isLocal && origin === undefined);
  if (!isHere) return undefined;
  const plain = valuesOf(req, PLAIN_NAME);
  return plain.length === 1 ? plain[0] : undefined;
}

function valuesOf(req: NodeRequest, name: string): readonly string[] {
  const { cookie } = req.headers;
  if (cookie === undefined) return [];
  return cookie
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
}

/** Whether a page is one over https. Its origin says so also where a proxy ends TLS; a browser sends it with every change. */
function isSecure(req: NodeRequest, page: string | undefined): boolean {
  if ("encrypted" in req.socket && req.socket.encrypted === true) return true;
  return page?.startsWith("https://") === true;
}

/** The host of a page, without a port: of its origin, else of the address that was asked for. */
function hostOf(req: NodeRequest, page: string | undefined): string {
  const url = page ?? `http://${authorityOf(req) ?? ""}`;
  return URL.canParse(url) ? new URL(url).hostname : "";
}

function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

function isPlainLoopback(origin: string): boolean {
  const { protocol, hostname } = new URL(origin);
  return protocol === "http:" && isLoopback(hostname);
}
