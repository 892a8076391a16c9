/** The command line is wrong. Exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A file or standard input cannot be used. Exit code 6. */
export class InputError extends Error {
  override readonly name = "InputError";
}

/** A check failed, for example a signature that does not verify. Exit code 8. */
export class CheckFailedError extends Error {
  override readonly name = "CheckFailedError";

  constructor(
    /** Machine code, for `--json`. */
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

/** Ctrl-C while the terminal was asked for a secret. Exit code 130, without a message. */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError";
}
