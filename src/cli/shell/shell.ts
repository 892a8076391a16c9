import { printable, printableLines } from "../../core/printable.js";
import type { Io } from "./io.js";

/** The options that every command takes. */
export interface GlobalOptions {
  readonly url?: string;
  readonly org?: string;
  readonly project?: string;
  readonly env?: string;
  readonly json?: true;
  /** Paths of PEM files. */
  readonly ca?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
  /** Seconds. */
  readonly timeout: number;
}

/** The server that a command called. */
export interface Called {
  readonly url: string;
  /** Where its token came from, when nobody named one. */
  readonly adminTokenFile: string | undefined;
}

/** What a command answers with. */
export class Shell {
  /** Set by a command that ended well but not with 0, or that takes an interruption for its ordinary end. */
  exitCode: number | undefined;

  /** Set by a command that calls a server: what an error may have to do with. */
  called: Called | undefined;

  constructor(
    readonly io: Io,
    /** Whether the caller wants JSON. */
    readonly json: boolean,
  ) {}

  get color(): boolean {
    const { NO_COLOR = "", TERM } = this.io.environment;
    return this.io.isTerminal && NO_COLOR === "" && TERM !== "dumb";
  }

  /**
   * The answer: a JSON text for programs, a text with its own line breaks for people. Whoever makes the text puts others' words into it
   * by formatTable, formatFacts or `line`, so that theirs have none.
   */
  answer(json: () => string, text: () => string): void {
    this.io.out(this.json ? this.shown(`${json()}\n`) : text().split(OWN_COLOR).map(printableOrColor).join(""));
  }

  /** A JSON text to the byte, but for a terminal, which gets the same value in characters that it does not obey. */
  shown(json: string): string {
    return this.io.isTerminal ? printableLines(json) : json;
  }

  /** How far long work is: for who watches a terminal, and for nobody else. */
  progress(text: string): void {
    if (this.io.isErrTerminal && !this.json) this.io.err(`${printable(text)}\n`);
  }

  /** Something that a person should know, in one line; no part of the answer. */
  notice(text: string): void {
    this.io.err(this.json ? printableLines(`${JSON.stringify({ notice: text })}\n`) : `${printable(text)}\n`);
  }

  /** As notice, for a text with line breaks of its own. */
  noticeLines(text: string): void {
    this.io.err(this.json ? printableLines(`${JSON.stringify({ notice: text })}\n`) : `${printableLines(text)}\n`);
  }
}

/** What formatTable and formatPatch write: it colors, and does nothing else whoever wrote it. */
const OWN_COLOR = /(\u001b\[(?:0|1|31|32|33)m)/;

function printableOrColor(part: string): string {
  return OWN_COLOR.test(part) ? part : printableLines(part);
}
