import { AppError } from "../../core/error.js";

/** The longest that an operator may choose (SIGNET_ADMIN_TOKEN). */
const MAX_KEY_LENGTH = 4096;

/** What a header may carry and an operator may choose. */
const KEY = /^[\x20-\x7e]+$/;

const HOW = "send Authorization: Bearer <token> or X-API-Key: <token>";

/** What every key that does not work answers, so that the answer does not tell whether it ever existed. */
export function invalidToken(): AppError {
  return new AppError("unauthenticated", "invalid or expired token");
}

/**
 * The raw key of a request (api.md, "credentials"): X-API-Key wins over Authorization, and a bad one does not fall back to the
 * other. Query strings are never read, nor are cookies here.
 *
 * @param rawHeaders name, value, name, value …, as received.
 * @throws AppError `unauthenticated` when there is none, when one was sent twice, or when it cannot be a key.
 */
export function rawKeyOf(rawHeaders: readonly string[]): string {
  const apiKey = onlyValue(rawHeaders, "x-api-key");
  const authorization = onlyValue(rawHeaders, "authorization");
  if (apiKey !== undefined) return checkedKey(apiKey);
  if (authorization === undefined) throw new AppError("unauthenticated", `no credentials: ${HOW}`);
  const match = /^bearer +(.*)$/i.exec(authorization);
  if (match === null) throw new AppError("unauthenticated", `the Authorization scheme is not Bearer: ${HOW}`);
  return checkedKey(match[1] ?? "");
}

/** Whether a request has a token, or what is meant to be one: then no cookie counts. */
export function hasCredentials(rawHeaders: readonly string[]): boolean {
  return rawHeaders.some((name, at) => at % 2 === 0 && /^(?:x-api-key|authorization)$/i.test(name));
}

/** As rawKeyOf for a head with good credentials; undefined for one that it refuses. */
export function plainKeyOf(rawHeaders: readonly string[]): string | undefined {
  try {
    return rawKeyOf(rawHeaders);
  } catch {
    return undefined;
  }
}

function checkedKey(key: string): string {
  if (key.length > MAX_KEY_LENGTH || !KEY.test(key)) throw invalidToken();
  return key;
}

function onlyValue(rawHeaders: readonly string[], name: string): string | undefined {
  let found: string | undefined;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const header = rawHeaders[i];
    // Most headers are of another length, which costs less to see than their lower case.
    if (header?.length !== name.length || header.toLowerCase() !== name) continue;
    if (found !== undefined) throw new AppError("unauthenticated", `the header ${name} was sent twice`);
    found = rawHeaders[i + 1]?.trim() ?? "";
  }
  return found;
}
