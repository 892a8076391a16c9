/** The command line itself is wrong: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A file or standard input has something that cannot be used: exit code 6. */
export class InputError extends Error {
  override readonly name = "InputError";
}

/** Something was checked and is not good: exit code 8. */
export class CheckFailedError extends Error {
  override readonly name = "CheckFailedError";

  constructor(
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}
