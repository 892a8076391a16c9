/** Why a YAML text is not taken, and where. Line and column count from 1. */
export class YamlError extends Error {
  override readonly name = "YamlError";

  constructor(
    /** For a person; repeats at most a part of the text. */
    readonly problem: string,
    readonly line: number,
    readonly column: number,
  ) {
    super(`line ${line}, column ${column}: ${problem}`);
  }
}
