import { printable, printableLines } from "../../core/printable.js";
import { AppError, type FieldError } from "../../core/error.js";
import { SignetError, VerificationError } from "../../sdk/index.js";
import { CheckFailedError, InputError, UsageError } from "./cli-error.js";
import { exitCodeOf } from "./exit-codes.js";

/** An error as commands tell it: the fields of the JSON object on standard error. */
interface ErrorReport {
  readonly error: string;
  readonly message: string;
  readonly fields: readonly FieldError[];
  readonly request_id: string | null;
  readonly exit_code: number;
}

/**
 * The text of an error for standard error: for a person, or one JSON object in one line.
 *
 * @param hint what may be behind it, after its message
 */
export function formatError(thrown: unknown, json: boolean, hint?: string): string {
  const told = reportOf(thrown);
  const report = hint === undefined ? told : { ...told, message: `${told.message}; ${hint}` };
  if (json) return printableLines(`${JSON.stringify(report)}\n`);
  // A stack has lines of its own; in every other message a line break is somebody else's.
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
  if (thrown instanceof SignetError) return report(thrown.reason, thrown.message, thrown.fields, thrown.requestId);
  if (thrown instanceof AppError) return report(thrown.reason ?? thrown.code, thrown.message, thrown.fields);
  if (thrown instanceof VerificationError || thrown instanceof CheckFailedError) {
    return report(thrown.reason, `not verified: ${thrown.message}`);
  }
  if (thrown instanceof UsageError) return report("usage", thrown.message);
  if (thrown instanceof InputError) return report("invalid_input", thrown.message);
  return report("unexpected", unexpected(thrown));
}

/** What the operating system says is clear as it is; anything else is a defect, and its stack is what a report of it needs. */
function unexpected(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `unexpected: ${String(thrown)}`;
  return "syscall" in thrown ? thrown.message : `unexpected: ${thrown.stack ?? thrown.message}`;
}
