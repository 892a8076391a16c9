import type { Argument, Command, Help, Option } from "commander";
import { wordsOf } from "../shell/used-options.js";

/** What can be typed at a place. */
export type Values =
  | { readonly kind: "words"; readonly words: readonly string[] }
  /** Asked of `signet __complete` with this name. */
  | { readonly kind: "names"; readonly of: NameKind }
  | { readonly kind: "files" }
  | { readonly kind: "none" };

/** The names that `signet __complete` lists. */
export const NAME_KINDS = ["contexts", "environments", "projects"] as const;

/** One of NAME_KINDS. */
export type NameKind = (typeof NAME_KINDS)[number];

/** A word that can be typed, and its meaning in one line. */
export interface Candidate {
  readonly word: string;
  readonly help: string;
}

/** An option that takes a value, by its spellings. */
export interface ValuedOption {
  readonly spellings: readonly string[];
  readonly values: Values;
}

/** What can follow the words of a command. */
export interface Place {
  /** The words after `signet`: `token create`; empty for the program. */
  readonly path: string;
  readonly commands: readonly Candidate[];
  readonly options: readonly Candidate[];
  readonly valued: readonly ValuedOption[];
  /** The values of its arguments, which all are of the first one's kind. */
  readonly argument: Values;
}

const NONE: Values = { kind: "none" };

/** By the placeholder of an option or the name of an argument: `--ca <file>`. */
const BY_PLACEHOLDER: Readonly<Record<string, Values>> = {
  file: { kind: "files" },
  dir: { kind: "files" },
  path: { kind: "files" },
  env: { kind: "names", of: "environments" },
  project: { kind: "names", of: "projects" },
};

/** Where the placeholder is the word of another noun too. */
const BY_OPTION: Readonly<Record<string, Values>> = {
  "--env": { kind: "names", of: "environments" },
  "--environments": { kind: "names", of: "environments" },
  "--production": { kind: "names", of: "environments" },
  "--context": { kind: "names", of: "contexts" },
};
const BY_ARGUMENT: Readonly<Record<string, Values>> = {
  "context use": { kind: "names", of: "contexts" },
  "context remove": { kind: "names", of: "contexts" },
  "envs update": { kind: "names", of: "environments" },
  "envs release": { kind: "names", of: "environments" },
  "envs delete": { kind: "names", of: "environments" },
};

/** The whole command line as places, the program's first. Hidden commands and options are left out. */
export function grammarOf(program: Command): readonly Place[] {
  return placesOf(program);
}

function placesOf(command: Command): readonly Place[] {
  const help = command.createHelp();
  const visible = help.visibleCommands(command);
  const byDefault = visible.find((it) => it.name() === defaultNameOf(command));
  // A group's default command may be left out, and its options then follow the group.
  const options = optionsOf(command, help, byDefault === undefined ? [] : help.visibleOptions(byDefault));
  const [argument] = command.registeredArguments;
  const place: Place = {
    path: wordsOf(command),
    commands: visible.map((it) => ({ word: it.name(), help: summary(help.subcommandDescription(it)) })),
    options: options.flatMap((option) =>
      spellingsOf(option).map((word) => ({ word, help: summary(option.description) })),
    ),
    valued: options.flatMap((option) => {
      const takesValue = option.required || option.optional;
      return takesValue ? [{ spellings: spellingsOf(option), values: valuesOf(option) }] : [];
    }),
    argument: argument === undefined ? NONE : valuesOfArgument(command, argument),
  };
  return [place, ...visible.flatMap(placesOf)];
}

function optionsOf(command: Command, help: Help, more: readonly Option[]): readonly Option[] {
  const all = [...help.visibleOptions(command), ...more, ...help.visibleGlobalOptions(command)];
  return all.filter((option, i) => all.findIndex(({ long }) => long === option.long) === i);
}

function spellingsOf({ short, long }: Option): readonly string[] {
  return [short, long].filter((spelling) => spelling !== undefined);
}

function valuesOf({ argChoices, long, flags }: Option): Values {
  if (argChoices !== undefined) return { kind: "words", words: argChoices };
  const [, placeholder = ""] = /[<[]([a-z-]+)/.exec(flags) ?? [];
  return BY_OPTION[long ?? ""] ?? BY_PLACEHOLDER[placeholder] ?? NONE;
}

function valuesOfArgument(command: Command, argument: Argument): Values {
  if (argument.argChoices !== undefined) return { kind: "words", words: argument.argChoices };
  return BY_ARGUMENT[wordsOf(command)] ?? BY_PLACEHOLDER[argument.name()] ?? NONE;
}

/** Commander keeps it in a field that its types do not show. */
function defaultNameOf(command: Command): string | undefined {
  return (command as unknown as { readonly _defaultCommandName?: string | null })._defaultCommandName ?? undefined;
}

/** One line for a menu: up to the first semicolon or colon of a description. */
function summary(description: string): string {
  return description
    .replace(/\s+/g, " ")
    .replace(/[;:(].*$/, "")
    .trim();
}
