import { AppError } from "../core/error.js";
import { NO_ALLOWED_ADDRESS } from "./check-target.js";

const TEXTS: Readonly<Record<string, string>> = {
  EAI_AGAIN: "the name servers do not answer",
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was closed before there was an answer",
  EHOSTUNREACH: "the host cannot be reached",
  ENETUNREACH: "the network cannot be reached",
  EPIPE: "the connection was closed before there was an answer",
  ETIMEDOUT: "the connection timed out",
  ERR_TLS_CERT_ALTNAME_INVALID: "the certificate is for another host",
  CERT_HAS_EXPIRED: "the certificate has expired",
  HPE_HEADER_OVERFLOW: "the headers of the answer are too large",
};

/**
 * Why there was no answer: a code, a colon, and words. Made from the error's code alone, since messages may hold addresses and parts
 * of the URL.
 */
export function failureText(error: unknown): string {
  if (error instanceof AppError) {
    return `${error.code === "invalid" ? "invalid_url" : "address_refused"}: ${error.message}`;
  }
  const code = codeOf(error);
  if (code === "ENOTFOUND" || code === "ENODATA") return `address_refused: ${NO_ALLOWED_ADDRESS}`;
  if (code === null) return "error: the request failed";
  return `${code}: ${TEXTS[code] ?? groupText(code)}`;
}

function groupText(code: string): string {
  if (code.startsWith("HPE_")) return "the answer is not HTTP";
  if (/CERT|SSL|TLS|SIGNATURE|EPROTO/.test(code)) return "the TLS handshake failed";
  return "the request failed";
}

/** The code of one of Node's errors; null for anything that does not look like one. */
export function codeOf(error: unknown): string | null {
  if (!(error instanceof Error) || !("code" in error)) return null;
  return typeof error.code === "string" && /^[A-Z0-9_]{1,64}$/.test(error.code) ? error.code : null;
}
