/** What a caller may offer as a way out, besides what the problem says. */
export type YamlRemedy = "insist" | "expand" | "under";

/** The way out of what calls for "insist", after its problem, for whoever has no option for it. */
export const INSIST_IN_THE_FILE = ", or begin with the line %YAML 1.2";

/** Why a YAML text is not taken, and where. Line and column count from 1. */
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
