import { isWithoutHttp2, speaksNoTls } from "../../http1-fallback.js";
import { causesOf, type SignetError } from "../../signet-error.js";

/** Nobody is there, or it is the wrong one: every way to the same address fails so. */
const NO_SERVER =
  /^(ECONNREFUSED|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|ERR_TLS_|CERT_|DEPTH_|SELF_SIGNED|UNABLE_TO)/;
/** The connection was cut. */
const CUT = /^(ECONNRESET|EPIPE|ERR_HTTP2_|ERR_STREAM_|UND_ERR_SOCKET)/;

/**
 * Whether an error, in place of the first message, may come from a path that does not let this way through, and another way may fare
 * better: a page of a proxy, a connection that is cut, silence.
 *
 * @param hasWorked it did before: that a gateway finds no server now says nothing about the way
 */
export function mayBeThePath(error: SignetError, hasWorked: boolean): boolean {
  if (error.isFromServer || speaksNoTls(error)) return false;
  const codes = causesOf(error).flatMap(({ code }) => (typeof code === "string" ? [code] : []));
  if (isWithoutHttp2(error)) return true;
  if (codes.some((code) => NO_SERVER.test(code))) return false;
  if (codes.some((code) => CUT.test(code))) return true;
  return !(hasWorked && error.code === "unavailable");
}
