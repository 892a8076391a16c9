import { CST, Lexer } from "yaml";
import { YamlError } from "./yaml-error.js";

/** What the lexer says between the pieces of the text. */
const MARKS: readonly string[] = [CST.DOCUMENT, CST.FLOW_END, CST.SCALAR];

/**
 * Refuses a text with more tokens than that, before anything is made of them: to parse one takes ten to twenty microseconds, whatever it
 * says, and some 300 bytes. Reads no further than that.
 *
 * Throws YamlError.
 */
export function checkTokens(text: string, maxTokens: number): void {
  let tokens = 0;
  let offset = 0;
  for (const token of new Lexer().lex(text)) {
    if (MARKS.includes(token)) continue;
    tokens += 1;
    if (tokens > maxTokens) {
      const before = text.slice(0, offset);
      const lineStart = before.lastIndexOf("\n") + 1;
      const problem = `more than ${maxTokens} words and marks: send JSON instead`;
      throw new YamlError(problem, before.split("\n").length, offset - lineStart + 1);
    }
    offset += token.length;
  }
}
