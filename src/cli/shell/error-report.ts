import { printable, printableLines } from "../../core/printable.js";
import { TrustError } from "../../bundle/trust/trust-error.js";
import { AppError, DISK_FULL, type FieldError } from "../../core/error.js";
import { SignetError, VerificationError } from "../../sdk/index.js";
import { causesOf, type Cause } from "../../sdk/signet-error.js";
import { CheckFailedError, InputError, UsageError } from "./cli-error.js";
import { exitCodeOf, isNotVerified } from "./exit-codes.js";
import type { Called } from "./shell.js";

/** An error as written to standard error with `--json`. */
interface ErrorReport {
  readonly error: string;
  readonly message: string;
  readonly fields: readonly FieldError[];
  readonly request_id: string | null;
  readonly exit_code: number;
}

/**
 * The text of an error for standard error: lines for a person, or a JSON object in one line. A hint may follow the message.
 *
 * @param called the server that the command called, if any
 */
export function formatError(thrown: unknown, json: boolean, called?: Called): string {
  const plain = reportOf(thrown);
  const hint = hintFor(thrown, called);
  const report = hint === undefined ? plain : { ...plain, message: `${plain.message}; ${hint}` };
  if (json) return printableLines(`${JSON.stringify(report)}\n`);
  // Only a stack has line breaks of ours; in every other message they come from outside and are escaped.
  const lines = report.error === "unexpected" ? `signet: ${report.message}`.split("\n") : [`signet: ${report.message}`];
  for (const { loc, msg, type } of report.fields) lines.push(`  ${loc.join(".")}: ${msg} (${type})`);
  if (report.request_id !== null) lines.push(`  request id: ${report.request_id}`);
  return lines.map((line) => `${printable(line)}\n`).join("");
}

function reportOf(thrown: unknown): ErrorReport {
  const report = (
    error: string,
    message: string,
    fields: readonly FieldError[] = [],
    requestId?: string,
  ): ErrorReport => {
    return { error, message, fields, request_id: requestId ?? null, exit_code: exitCodeOf(thrown) };
  };
  if (isNotVerified(thrown)) {
    return report(thrown.reason, `not verified: ${thrown.message}`, thrown.fields, thrown.requestId);
  }
  if (thrown instanceof SignetError) return report(thrown.reason, thrown.message, thrown.fields, thrown.requestId);
  if (thrown instanceof AppError) return report(thrown.reason ?? thrown.code, thrown.message, thrown.fields);
  if (thrown instanceof VerificationError || thrown instanceof CheckFailedError) {
    return report(thrown.reason, `not verified: ${thrown.message}`);
  }
  if (thrown instanceof TrustError) return report(thrown.code, `not verified: ${thrown.message}`);
  if (thrown instanceof UsageError) return report("usage", thrown.message);
  if (thrown instanceof InputError) return report("invalid_input", thrown.message);
  return report("unexpected", unexpected(thrown));
}

/** An error of the operating system is clear as it is; anything else is a defect, whose report needs the stack. */
function unexpected(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `unexpected: ${String(thrown)}`;
  return "syscall" in thrown ? thrown.message : `unexpected: ${thrown.stack ?? thrown.message}`;
}

/** Error codes of Node and OpenSSL for a certificate chain with an untrusted root. */
const UNKNOWN_ISSUER: ReadonlySet<string> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** The likely fix of a failed call, in terms of the command line; undefined when there is none to name. */
function hintFor(thrown: unknown, called: Called | undefined): string | undefined {
  if (!(thrown instanceof SignetError) || called === undefined) return undefined;
  const { url, adminTokenFile, tokenSource } = called;
  if (thrown.reason === "untrusted_origin") return "an administrator adds one with signet trust-origin add";
  if (thrown.reason === "root_stops_runtimes") return "release or activate something else there first, or pass --force";
  if (thrown.reason === "release_missing") return "the authors release it with signet release create and sign";
  if (thrown.reason === "held") return "end the hold with signet envs release <name>";
  if (thrown.reason === DISK_FULL)
    return "make room on the server's disk, or signet prune --keep-newest 20 --keep-days 0 --keep-production-days 0 --yes";
  if (thrown.code === "unauthenticated" && adminTokenFile !== undefined) {
    return `check that ${adminTokenFile} belongs to the server at ${url}`;
  }
  if (thrown.code === "unauthenticated" && tokenSource !== undefined) {
    return `the token came from ${tokenSource}; signet login keeps another one`;
  }
  const causes = causesOf(thrown);
  if (causes.some(({ code }) => code === "ECONNREFUSED")) {
    return `is the server running at ${url}? Start one with signet serve, or name another with --url`;
  }
  if (causes.some(({ code }) => code === "ENOTFOUND")) return "check the host's name in --url";
  if (causes.some(({ code }) => typeof code === "string" && UNKNOWN_ISSUER.has(code))) {
    return "pass the CA that signed it with --ca or SIGNET_CA";
  }
  if (!causes.some(isInadequateSecurity)) return undefined;
  return url.startsWith("http:")
    ? "the port speaks TLS: use https://…"
    : "the server may require another client certificate: pass --client-cert and --client-key";
}

/** HTTP/2's INADEQUATE_SECURITY (RFC 9113, section 7): no TLS, or no accepted client certificate. Node reports it in the message only. */
function isInadequateSecurity({ message }: Cause): boolean {
  return /\berror code 12\b/.test(message);
}
