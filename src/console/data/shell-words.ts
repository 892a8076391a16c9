/** A word of a POSIX shell's command line: as it is when nothing in it is special there, else in single quotes. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** A command line of `signet` from its words; what is undefined or empty is left out, as is an option whose value is. */
export function signetCommand(
  ...words: readonly (string | readonly [option: string, value: string | undefined])[]
): string {
  const parts = words.flatMap((word) => {
    if (typeof word === "string") return word === "" ? [] : [word];
    const [option, value = ""] = word;
    return value === "" ? [] : [option, shellWord(value)];
  });
  return ["signet", ...parts].join(" ");
}
