/** The process around a command, as far as commands may see it. */
export interface Io {
  /** Without the program and its script. */
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Writes to standard output: what the command answers. */
  out(text: string): void;
  /** Writes to standard error: everything else. */
  err(text: string): void;
  /** Whether standard input is a terminal: somebody is there who can answer. */
  readonly isInTerminal: boolean;
  /** Whether standard output is a terminal. */
  readonly isTerminal: boolean;
  /** Whether standard error is one: nobody keeps what is written there. */
  readonly isErrTerminal: boolean;
  /** Aborts on SIGINT and SIGTERM; the reason is the exit code of a command that they interrupt. */
  readonly signal: AbortSignal;
  /** Calls back on every SIGHUP, which no longer ends the process then. */
  onHangup(listener: () => void): void;
}
