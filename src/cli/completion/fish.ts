import { caseArms, valueArms, type Dialect } from "./arms.js";
import type { Candidate, Place } from "./grammar.js";

/** The completion script for fish, from 3.0 on. */
export function fishScript(places: readonly Place[]): string {
  return `# Completion of signet for fish. Load it with:  signet completion fish | source
# or write it to ~/.config/fish/completions/signet.fish

# Writes what can follow the words of a command, by kind: commands, options or valued.
function __signet_place
    switch $argv[1]
${caseArms(places, DIALECT)}
    end
end

# Writes what the value of an option, or of the argument of a command, is: words, names KIND or files.
function __signet_values
    switch "$argv[1]|$argv[2]"
${valueArms(places, DIALECT)}
    end
end

function __signet_complete
    set -l path ''
    set -l option ''
    set -l target
    set -l typed (commandline -opc)
    for word in $typed[2..-1]
        if test -n "$option"
            contains -- $option --url --ca --context --org --project; and set -a target $option $word
            set option ''
            continue
        end
        switch $word
            case --
                return
            case '-*'
                contains -- $word (__signet_place $path valued); and set option $word
            case '*'
                if contains -- $word (__signet_place $path commands | string replace -r '\\t.*' '')
                    set path (string trim "$path $word")
                end
        end
    end
    set -l current (commandline -ct)
    set -l before ''
    if test -z "$option"; and string match -qr '^--[^=]+=' -- $current
        set option (string replace -r '=.*' '' -- $current)
        set before "$option="
    else if test -z "$option"; and string match -q -- '-*' $current
        __signet_place $path options
        return
    end
    test -z "$option"; and __signet_place $path commands
    set -l values (__signet_values $path $option)
    switch "$values[1]"
        case words
            printf "$before%s\\n" $values[2..-1]
        case names
            printf "$before%s\\n" (signet __complete $values[2] $target 2>/dev/null)
        case files
            __fish_complete_path $current
    end
end

complete -c signet -e
complete -c signet -f -a '(__signet_complete)'
`;
}

const DIALECT: Dialect = {
  arm: (patterns, body) =>
    [`        case ${patterns.map(quoted).join(" ")}`, ...body.map((text) => `            ${text}`)].join("\n"),
  place: ({ commands, options, valued }) => [
    "switch $argv[2]",
    ...branch("commands", commands.map(entry)),
    ...branch("options", options.map(entry)),
    ...branch("valued", valued.flatMap(({ spellings }) => spellings).map(quoted)),
    "end",
  ],
  values: (values) => {
    switch (values.kind) {
      case "words":
        return [`printf '%s\\n' words ${values.words.map(quoted).join(" ")}`];
      case "names":
        return [`printf '%s\\n' names ${values.of}`];
      case "files":
        return ["printf '%s\\n' files"];
      case "none":
        return [];
    }
  },
};

function branch(kind: string, words: readonly string[]): readonly string[] {
  return words.length === 0 ? [] : [`    case ${kind}`, `        printf '%s\\n' ${words.join(" ")}`];
}

function entry({ word, help }: Candidate): string {
  return quoted(`${word}\t${help}`);
}

/** A text as one word of fish, whose single quotes know two escapes. */
function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
