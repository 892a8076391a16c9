import { getSystemErrorMap } from "node:util";

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

/** The system's description of an error, without the path that Node's message repeats. */
export function systemReason(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const [, words] = ("errno" in thrown && getSystemErrorMap().get(Number(thrown.errno))) || [];
  return words ?? thrown.message;
}

/** The code of a system error, for example `ENOENT`. */
export function codeOf(thrown: unknown): string | undefined {
  return (thrown as NodeJS.ErrnoException | undefined)?.code;
}
