/** What OpenSSL says of a peer that speaks no TLS. */
const NO_TLS: ReadonlySet<unknown> = new Set(["ERR_SSL_WRONG_VERSION_NUMBER", "ERR_SSL_PACKET_LENGTH_TOO_LONG"]);

/** What there is to say of one. */
export const NO_TLS_TEXT = "the port speaks no TLS: use http://…";

export type Cause = Error & { readonly code?: unknown };

/** An error and what caused it. */
export function causesOf(thrown: unknown): readonly Cause[] {
  const causes: Cause[] = [];
  for (let at = thrown; at instanceof Error && !causes.includes(at); at = at.cause) causes.push(at);
  return causes;
}

/** Whether a connection failed because https:// led to a port without TLS. */
export function speaksNoTls(thrown: unknown): boolean {
  return causesOf(thrown).some(({ code, message }) => {
    // Node's `https` has it in words only.
    return NO_TLS.has(code) || (code === "EPROTO" && /wrong version number|packet length too long/.test(message));
  });
}
