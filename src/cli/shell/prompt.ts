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
  const [answer = ""] = await askSecrets(shell, [question]);
  return answer;
}

/** As askSecret, one question after another. Fewer answers than questions mean that the input ended. */
export async function askSecrets(shell: Shell, questions: readonly string[]): Promise<readonly string[]> {
  const { io } = shell;
  const answers: string[] = [];
  const ask = () => io.err(printable(questions[answers.length] ?? ""));
  ask();
  io.setEcho(false);
  try {
    const decoder = new TextDecoder();
    let line = "";
    let before = "";
    // One loop for all: its end closes the input.
    for await (const chunk of io.stdin) {
      for (const char of decoder.decode(chunk, { stream: true })) {
        if (char === CONTROL.interrupt) throw new InterruptedError();
        const isSecondOfPair = before === "\r" && char === "\n";
        before = char;
        if (isSecondOfPair) continue;
        if (char === "\n" || char === "\r" || char === CONTROL.endOfInput) {
          answers.push(line);
          line = "";
          if (answers.length === questions.length || char === CONTROL.endOfInput) return answers;
          io.err("\n");
          ask();
          continue;
        }
        const isErased = char === CONTROL.backspace || char === CONTROL.delete;
        line = isErased ? [...line].slice(0, -1).join("") : line + char;
      }
      if (line.length > MAX_LENGTH) break;
    }
    return [...answers, line];
  } finally {
    io.setEcho(true);
    io.err("\n");
  }
}
