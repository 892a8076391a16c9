import { Option } from "commander";

/** The part of the program's help about standard output and standard error. */
export const OUTPUT_HELP = `Output:
  A table, or with --json the JSON of the REST API, one line for each response. Errors are on standard error, with --json as one
  JSON object: {"error", "message", "fields", "request_id", "exit_code"}.
`;

/** The end of a command's help: command lines that can be pasted. */
export function examples(...lines: readonly string[]): string {
  return `\nExample${lines.length === 1 ? "" : "s"}:\n${lines.map((text) => `  ${text}`).join("\n")}`;
}

/** An option whose values help and completion list. The server checks them, so that a newer one may know more. */
export function listedOption(flags: string, description: string, values: readonly string[]): Option {
  const option = new Option(flags, description);
  option.argChoices = [...values];
  return option;
}
