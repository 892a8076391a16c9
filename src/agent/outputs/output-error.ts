import { systemReason } from "../../sdk/runtime/node/node-files.js";

/** Why an output cannot be written. The message names the path; it is for the log and for the fleet view. */
export class OutputError extends Error {
  override readonly name = "OutputError";

  constructor(
    message: string,
    /** Whether trying again can help: not where the content is the reason. */
    readonly isTemporary: boolean,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}

/** The error of a file that the system refuses; one that is an OutputError already is returned as it is. */
export function cannot(what: string, path: string, cause: unknown): OutputError {
  return cause instanceof OutputError
    ? cause
    : new OutputError(`cannot ${what} ${path}: ${systemReason(cause)}`, true, cause);
}

/** The code of a system error, for example `ENOENT`. */
export function codeOf(thrown: unknown): string | undefined {
  return (thrown as NodeJS.ErrnoException | undefined)?.code;
}
