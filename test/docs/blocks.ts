/** A fenced block of a page, with what its info string says beside the language. Readers see none of that. */
export interface Block {
  /** Number of the line with its opening fence. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
  /** Why the test does not run it: `no-run reason="needs systemd"`. */
  readonly noRun?: string;
  /** The name under which the page says to save it: `file="runtime.ts"`. */
  readonly file?: string;
  /** It runs until its output has this, in a terminal of its own, and then Ctrl-C ends it: `until="ready"`. */
  readonly until?: string;
  /** It is what the block before it prints: `output`, or `output="stderr"`. */
  readonly output?: "stdout" | "stderr";
  /** Exit code of its last command: `exit="5"`; 0 unless it is said. */
  readonly exit: number;
}

const ATTRIBUTES = new Set(["no-run", "reason", "file", "until", "output", "exit"]);

/** The fenced blocks of a page, in order. Throws on a word in an info string that nothing reads, and on `no-run` without a reason. */
export function parseBlocks(text: string): Block[] {
  return [...text.matchAll(/^( *)```(\S+)(.*)\n([^]*?)^\1```$/gm)].map((match) => {
    const [, indent = "", language = "", info = "", body = ""] = match;
    const line = text.slice(0, match.index).split("\n").length;
    const attributes = new Map<string, string>();
    for (const [, name = "", value = ""] of info.matchAll(/([\w-]+)(?:="([^"]*)")?/g)) {
      if (!ATTRIBUTES.has(name)) throw new Error(`line ${line}: nothing reads ${name} of a fence`);
      attributes.set(name, value);
    }
    if (attributes.has("no-run") !== ((attributes.get("reason") ?? "") !== ""))
      throw new Error(`line ${line}: no-run needs a reason, and a reason no-run`);
    const optional = (name: string, key: string) => (attributes.has(name) ? { [key]: attributes.get(name) } : {});
    return {
      line,
      language,
      text: body.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
      exit: Number(attributes.get("exit") ?? 0),
      ...optional("reason", "noRun"),
      ...optional("file", "file"),
      ...optional("until", "until"),
      ...(attributes.has("output") ? { output: attributes.get("output") === "stderr" ? "stderr" : "stdout" } : {}),
    } satisfies Block;
  });
}
