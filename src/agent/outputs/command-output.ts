import { printable } from "../../core/printable.js";

/** Lines that are logged of one run; the rest is dropped, and counted. */
const MAX_LINES = 200;
const MAX_LINE_CHARACTERS = 1_000;
const LAST_LINES = 5;

/** The output of one run of a command, as lines: bounded, whatever it writes. */
export class CommandOutput {
  readonly #decoder = new TextDecoder();
  #begun = "";
  #isCut = false;
  #lines = 0;
  readonly #last: string[] = [];

  constructor(private readonly onLine: (line: string) => void) {}

  /** The newest lines that are not empty, invisible characters escaped. */
  get lastLines(): readonly string[] {
    return this.#last;
  }

  take(bytes: Uint8Array): void {
    const [first = "", ...others] = this.#decoder.decode(bytes, { stream: true }).split(/\r?\n/);
    this.#append(first);
    for (const text of others) {
      this.#endLine();
      this.#append(text);
    }
  }

  /** Takes what has no line break behind it. */
  end(): void {
    this.#append(this.#decoder.decode());
    this.#endLine();
    if (this.#lines > MAX_LINES) this.onLine(`${this.#lines - MAX_LINES} more lines were dropped`);
  }

  #append(text: string): void {
    const room = MAX_LINE_CHARACTERS - this.#begun.length;
    if (text.length > room) this.#isCut = true;
    this.#begun += text.slice(0, room);
  }

  #endLine(): void {
    const line = printable(this.#begun.toWellFormed().trimEnd()) + (this.#isCut ? "…" : "");
    this.#begun = "";
    this.#isCut = false;
    if (line === "") return;
    this.#lines += 1;
    if (this.#lines <= MAX_LINES) this.onLine(line);
    this.#last.push(line);
    if (this.#last.length > LAST_LINES) this.#last.shift();
  }
}
