import { runCli } from "../../src/cli/run.js";

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly signal?: AbortSignal;
  readonly isInTerminal?: boolean;
  readonly isTerminal?: boolean;
  readonly isErrTerminal?: boolean;
  /** Columns of the terminal. */
  readonly columns?: number;
  /** Told when the terminal hides or shows what is typed. */
  readonly onEcho?: (isOn: boolean) => void;
  /** Told of each text on standard error as it is written. */
  readonly onErr?: (text: string) => void;
  /** Told of each text on standard output as it is written. */
  readonly onOut?: (text: string) => void;
}

export interface RunResult {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

/** Runs one command in this process. */
export async function runSignet(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const written = { out: "", err: "" };
  const exitCode = await runCli({
    argv,
    // Nothing of the machine that the tests run on.
    environment: { SIGNET_DATA: "/nonexistent", ...options.environment },
    stdin: chunksOf(options.stdin ?? ""),
    setEcho: (isOn) => options.onEcho?.(isOn),
    out: (text) => {
      written.out += text;
      options.onOut?.(text);
    },
    outBytes: async (bytes) => {
      written.out += Buffer.from(bytes).toString();
    },
    err: (text) => {
      written.err += text;
      options.onErr?.(text);
    },
    isInTerminal: options.isInTerminal ?? false,
    isTerminal: options.isTerminal ?? false,
    columns: options.columns,
    isErrTerminal: options.isErrTerminal ?? false,
    signal: options.signal ?? new AbortController().signal,
    onHangup: () => undefined,
  });
  return { exitCode, ...written };
}

async function* chunksOf(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}
