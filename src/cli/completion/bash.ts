import { caseArms, quoted, valueArms, type Dialect } from "./arms.js";
import type { Place, Values } from "./grammar.js";

/** The completion script for bash, from 3.2 on. */
export function bashScript(places: readonly Place[]): string {
  return `# Completion of signet for bash. Load it with:  source <(signet completion bash)

# Sets what can follow the words of a command.
_signet_place() {
  commands= options= valued=
  case $1 in
${caseArms(places, DIALECT)}
  esac
}

# Sets the values of an option, or of the argument of a command.
_signet_values() {
  words= names= files=
  case "$1|$2" in
${valueArms(places, DIALECT)}
  esac
}

_signet() {
  local cur=\${COMP_WORDS[COMP_CWORD]} path= option= word commands options valued words names files i
  local -a target=()
  COMPREPLY=()
  _signet_place ""
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    # Bash takes --env=dev apart: --env, =, dev.
    if [[ $word == "=" ]]; then continue; fi
    if [[ -n $option ]]; then
      case $option in --url | --ca | --context | --org | --project) target+=("$option" "$word") ;; esac
      option=
      continue
    fi
    case $word in
      --) return ;;
      -*) [[ " $valued " == *" $word "* ]] && option=$word ;;
      *)
        if [[ " $commands " == *" $word "* ]]; then
          path=\${path:+$path }$word
          _signet_place "$path"
        fi
        ;;
    esac
  done
  if [[ $cur == "=" ]]; then cur=; fi
  if [[ -z $option && $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$cur"))
    return
  fi
  _signet_values "$path" "$option"
  if [[ -z $option ]]; then words="$commands $words"; fi
  if [[ -n $names ]]; then words="$words $(signet __complete "$names" "\${target[@]}" 2>/dev/null)"; fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  if [[ -n $files ]]; then
    local IFS=$'\\n'
    COMPREPLY+=($(compgen -f -- "$cur"))
    compopt -o filenames 2>/dev/null
  fi
}

complete -F _signet signet
`;
}

const DIALECT: Dialect = {
  arm: (patterns, body) => `    ${patterns.map(quoted).join(" | ")}) ${body.join("; ")} ;;`,
  place: ({ commands, options, valued }) => [
    `commands=${quoted(commands.map(({ word }) => word).join(" "))}`,
    `options=${quoted(options.map(({ word }) => word).join(" "))}`,
    `valued=${quoted(valued.flatMap(({ spellings }) => spellings).join(" "))}`,
  ],
  values: valuesBody,
};

/** The assignments of values, in bash and zsh. */
export function valuesBody(values: Values): readonly string[] {
  switch (values.kind) {
    case "words":
      return [`words=${quoted(values.words.join(" "))}`];
    case "names":
      return [`names=${values.of}`];
    case "files":
      return ["files=yes"];
    case "none":
      return [":"];
  }
}
