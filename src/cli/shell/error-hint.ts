import { SignetError } from "../../sdk/index.js";
import { causesOf, type Cause } from "../../sdk/signet-error.js";
import type { Called } from "./shell.js";

/** What Node and OpenSSL call a chain whose root is not trusted. */
const UNKNOWN_ISSUER: ReadonlySet<string> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** What may be behind an error of a call, in words of the command line; undefined when its message says all. */
export function hintFor(thrown: unknown, called: Called | undefined): string | undefined {
  if (!(thrown instanceof SignetError) || called === undefined) return undefined;
  const { url, adminTokenFile } = called;
  if (thrown.reason === "held") return "end the hold with signet envs release <name>";
  if (thrown.code === "unauthenticated" && adminTokenFile !== undefined) {
    return `is ${adminTokenFile} of the server at ${url}?`;
  }
  const causes = causesOf(thrown);
  if (causes.some(({ code }) => typeof code === "string" && UNKNOWN_ISSUER.has(code))) {
    return "name the CA that signs it with --ca or SIGNET_CA";
  }
  if (!causes.some(isInadequateSecurity)) return undefined;
  return url.startsWith("http:")
    ? "the port speaks TLS: use https://…"
    : "does the server ask for another client certificate? --client-cert and --client-key";
}

/** HTTP/2's INADEQUATE_SECURITY (RFC 9113, section 7): no TLS, or not the certificate that is asked for. Node has it in words only. */
function isInadequateSecurity({ message }: Cause): boolean {
  return /\berror code 12\b/.test(message);
}
