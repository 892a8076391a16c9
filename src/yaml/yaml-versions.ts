/** The first characters of the scalars below, to skip most scalars quickly. */
const SUSPECT = /^[-+.0-9=<?yYnNoO]/;

/**
 * The plain scalars that YAML 1.1 and YAML 1.2's core schema read differently, and how. For YAML 1.1 both its type repository and
 * PyYAML count, which differ from each other.
 */
const DIFFERENCES: readonly (readonly [pattern: RegExp, reading: string])[] = [
  [/^(?:y|Y|yes|Yes|YES|on|On|ON)$/, "true in YAML 1.1 and a text in YAML 1.2"],
  [/^(?:n|N|no|No|NO|off|Off|OFF)$/, "false in YAML 1.1 and a text in YAML 1.2"],
  [/^[-+]?0[0-7]+$/, "an octal number in YAML 1.1 and a decimal one in YAML 1.2"],
  [/^[-+]?0[0-9]+$/, "a text in YAML 1.1 and a number in YAML 1.2"],
  [/^0o[0-7]+$/, "a text in YAML 1.1 and an octal number in YAML 1.2"],
  [/^[-+]?0b[01_]+$/, "a binary number in YAML 1.1 and a text in YAML 1.2"],
  [/^(?:[-+]0x[0-9a-fA-F_]+|0x[0-9a-fA-F]*_[0-9a-fA-F_]*)$/, "a number in YAML 1.1 and a text in YAML 1.2"],
  [
    /^[-+]?(?=[^_]*_)(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?$/,
    "a number in YAML 1.1 and a text in YAML 1.2",
  ],
  [/^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/, "a number to the base 60 in YAML 1.1 and a text in YAML 1.2"],
  [/^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][0-9]+$/, "a text in YAML 1.1 and a number in YAML 1.2"],
  [/^[-+]?[0-9]+[eE][-+][0-9]+$/, "a text in YAML 1.1 and a number in YAML 1.2"],
  [/^[-+]\.[0-9]+(?:[eE][-+]?[0-9]+)?$/, "a text to some readers of YAML 1.1 and a number in YAML 1.2"],
  [/^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:$|[Tt \t])/, "a time in YAML 1.1 and a text in YAML 1.2"],
  [/^\?./, "the mark of a key to some readers of YAML 1.1 and a text in YAML 1.2"],
  [/^(?:=|<<)$/, "a keyword in YAML 1.1 and a text in YAML 1.2"],
];

/** Characters that end a line in YAML 1.1, or for some readers, but not in YAML 1.2. */
export const OTHER_LINE_BREAK = /[\u0085\u2028\u2029]|\r(?!\n)/;

/** How the two versions of YAML read a plain scalar, for an error message; undefined where they agree. */
export function differentReadings(source: string): string | undefined {
  if (!SUSPECT.test(source)) return undefined;
  return DIFFERENCES.find(([pattern]) => pattern.test(source))?.[1];
}
