import { printable } from "../../core/printable.js";
import { InterruptedError } from "./cli-error.js";
import type { Shell } from "./shell.js";

const CONTROL = { interrupt: "\u0003", endOfInput: "\u0004", backspace: "\b", delete: "\u007f" } as const;

/** The longest answer that is read, in UTF-16 units. */
const MAX_LENGTH = 16_384;

/**
 * Asks for a secret on the terminal, which does not show what is typed. Returns the line without its end; the empty text at the end of
 * the input. Throws InterruptedError for Ctrl-C, which is a character while the terminal hides its input.
 */
export async function askSecret(shell: Shell, question: string): Promise<string> {
  const { io } = shell;
  io.err(printable(question));
  io.setEcho(false);
  try {
    const decoder = new TextDecoder();
    let line = "";
    for await (const chunk of io.stdin) {
      for (const char of decoder.decode(chunk, { stream: true })) {
        if (char === CONTROL.interrupt) throw new InterruptedError();
        if (char === "\n" || char === "\r" || char === CONTROL.endOfInput) return line;
        const isErased = char === CONTROL.backspace || char === CONTROL.delete;
        line = isErased ? [...line].slice(0, -1).join("") : line + char;
      }
      if (line.length > MAX_LENGTH) return line;
    }
    return line;
  } finally {
    io.setEcho(true);
    io.err("\n");
  }
}
