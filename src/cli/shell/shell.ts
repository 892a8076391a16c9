import { printable, printableLines } from "../../core/printable.js";
import type { Context } from "./context-file.js";
import type { Io } from "./io.js";
import type { TableStyle } from "./table.js";

/** The options of the program, which every command accepts on its command line; used-options.ts says which ones it uses. */
export interface GlobalOptions {
  readonly url?: string;
  readonly org?: string;
  readonly project?: string;
  readonly env?: string;
  readonly json?: true;
  /** Paths of PEM files, as are the next two. */
  readonly ca?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
  /** Seconds. */
  readonly timeout: number;
  /** Name of a kept context. */
  readonly context?: string;
  readonly verbose?: true;
}

/** The server that a command called, for hints about its errors. */
export interface Called {
  readonly url: string;
  /** The file that the token came from; undefined when the environment named a token. */
  readonly adminTokenFile: string | undefined;
  /** Where the token came from, for a person: SIGNET_TOKEN, a context, a file. Undefined for a call without one. */
  readonly tokenSource?: string;
}

/** The output of a command, and what its end depends on. */
export class Shell {
  /** Set by a command that succeeds with another code than 0, or that an interruption ends normally. */
  exitCode: number | undefined;

  /** Set by a command that calls a server. */
  called: Called | undefined;

  /** The context that the command uses; option-sources.ts chooses it. */
  context: { readonly name: string; readonly context: Context } | undefined;

  /** Whether to say where options and token came from. */
  isVerbose = false;

  constructor(
    readonly io: Io,
    /** Whether the caller wants JSON. */
    readonly json: boolean,
  ) {}

  /** Whether to color standard output: it is a terminal, and NO_COLOR and TERM=dumb are not set. */
  get color(): boolean {
    return this.io.isTerminal && this.allowsColor;
  }

  /** Whether a terminal may get colors: https://no-color.org. */
  get allowsColor(): boolean {
    const { NO_COLOR = "", TERM } = this.io.environment;
    return NO_COLOR === "" && TERM !== "dumb";
  }

  /** Columns of the terminal on standard output (COLUMNS overrides); undefined for a pipe or a file, which gets the full text. */
  get width(): number | undefined {
    if (!this.io.isTerminal) return undefined;
    const { COLUMNS = "" } = this.io.environment;
    return /^[1-9]\d{0,3}$/.test(COLUMNS) ? Number(COLUMNS) : (this.io.columns ?? 80);
  }

  /** How tables look on standard output. */
  get tableStyle(): TableStyle {
    return { bold: this.color, width: this.width };
  }

  /**
   * Writes the answer: with `--json` the JSON text, else the text for a person. The text may have line breaks; values from outside must
   * be inserted by formatTable, formatFacts or `line`, which escape theirs.
   */
  answer(json: () => string, text: () => string): void {
    this.io.out(this.json ? this.shown(`${json()}\n`) : text().split(OWN_COLOR).map(printableOrColor).join(""));
  }

  /** A JSON text byte for byte; for a terminal with control characters escaped, which keeps its value. */
  shown(json: string): string {
    return this.io.isTerminal ? printableLines(json) : json;
  }

  /** Shows the progress of long work, on a terminal only. */
  progress(text: string): void {
    if (this.io.isErrTerminal && !this.json) this.io.err(`${printable(text)}\n`);
  }

  /** Writes a line to standard error that is not part of the answer. */
  notice(text: string): void {
    this.io.err(this.json ? printableLines(`${JSON.stringify({ notice: text })}\n`) : `${printable(text)}\n`);
  }

  /** As notice, but keeps the line breaks of the text. */
  noticeLines(text: string): void {
    this.io.err(this.json ? printableLines(`${JSON.stringify({ notice: text })}\n`) : `${printableLines(text)}\n`);
  }
}

/** The color sequences of formatTable and answerPatch. They are harmless in values from outside too. */
const OWN_COLOR = /(\u001b\[(?:0|1|31|32|33)m)/;

function printableOrColor(part: string): string {
  return OWN_COLOR.test(part) ? part : printableLines(part);
}
