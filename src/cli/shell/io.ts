/** The process around a command, as far as commands may use it; tests replace it. */
export interface Io {
  /** Without the program and its script. */
  readonly argv: readonly string[];
  /** The environment variables. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Whether the terminal on standard input shows what is typed and keeps it until a line is complete; off to ask for a secret. */
  setEcho(isOn: boolean): void;
  /** Writes to standard output: the answer of the command. */
  out(text: string): void;
  /** Writes bytes to standard output; resolves when it can take more. */
  outBytes(bytes: Uint8Array): Promise<void>;
  /** Writes to standard error: everything else. */
  err(text: string): void;
  /** Whether standard input is a terminal: a person can be asked. */
  readonly isInTerminal: boolean;
  /** Whether standard output is a terminal. */
  readonly isTerminal: boolean;
  /** Columns of the terminal on standard output; undefined when it is none, or tells nothing. */
  readonly columns: number | undefined;
  /** Whether standard error is a terminal: it is not kept in a log. */
  readonly isErrTerminal: boolean;
  /** Aborts on SIGINT and SIGTERM; the reason is the exit code of an interrupted command. */
  readonly signal: AbortSignal;
  /** Calls back on every SIGHUP, which then no longer ends the process. */
  onHangup(listener: () => void): void;
}
