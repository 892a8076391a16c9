/** A way out that a caller may offer besides what the problem says: an option of the command line, for example. */
export type YamlRemedy = "insist" | "expand" | "under";

/** The remedy for "insist" where there is no option for it; appended to the problem. */
export const INSIST_IN_THE_FILE = ", or begin with the line %YAML 1.2";

/** Longer problems are cut: the parser's texts may repeat a word of any length. */
const MAX_PROBLEM_LENGTH = 200;

/** Why a YAML text is refused, and where. Line and column count from 1. */
export class YamlError extends Error {
  override readonly name = "YamlError";

  constructor(
    /** For a person, with what to do; repeats at most a part of the text. */
    readonly problem: string,
    readonly line: number,
    readonly column: number,
    /** To insist on YAML 1.2, to expand anchors, or to put the document under a key. */
    readonly remedy?: YamlRemedy,
  ) {
    super(`line ${line}, column ${column}: ${problem}`);
  }
}

/** The error about an offset of the text. */
export function yamlErrorAt(text: string, offset: number, problem: string, remedy?: YamlRemedy): YamlError {
  const before = text.slice(0, offset);
  const column = offset - before.lastIndexOf("\n");
  return new YamlError(problem.slice(0, MAX_PROBLEM_LENGTH), before.split("\n").length, column, remedy);
}
