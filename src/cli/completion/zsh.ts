import { caseArms, quoted, valueArms, type Dialect } from "./arms.js";
import { valuesBody } from "./bash.js";
import type { Candidate, Place } from "./grammar.js";

/** The completion script for zsh. */
export function zshScript(places: readonly Place[]): string {
  return `#compdef signet
# Completion of signet for zsh. Load it with:  source <(signet completion zsh)
# or write it to a file called _signet in a directory of $fpath.

# Sets what can follow the words of a command: entries are word:meaning.
_signet_place() {
  commands=() options=() valued=()
  case $1 in
${caseArms(places, DIALECT)}
  esac
}

# Sets the values of an option, or of the argument of a command.
_signet_values() {
  words_of= names= files=
  case "$1|$2" in
${valueArms(places, VALUES)}
  esac
}

_signet() {
  local at= option= word words_of names files
  local -a commands options valued target found
  integer i
  _signet_place ""
  for ((i = 2; i < CURRENT; i++)); do
    word=$words[i]
    if [[ -n $option ]]; then
      case $option in --url | --ca | --context | --org | --project) target+=("$option" "$word") ;; esac
      option=
      continue
    fi
    case $word in
      --) return ;;
      -*) (( $valued[(Ie)$word] )) && option=$word ;;
      *)
        if (( $commands[(I)$word:*] )); then
          at=\${at:+$at }$word
          _signet_place "$at"
        fi
        ;;
    esac
  done
  word=$words[CURRENT]
  if [[ -z $option && $word == --*=* ]]; then
    option=\${word%%=*}
    compset -P '*='
  elif [[ -z $option && $word == -* ]]; then
    _describe -o option options
    return
  fi
  _signet_values "$at" "$option"
  if [[ -z $option ]] && (( $#commands )); then _describe command commands; fi
  found=(\${(z)words_of})
  if [[ -n $names ]]; then found+=(\${(f)"$(signet __complete $names $target 2>/dev/null)"}); fi
  if (( $#found )); then compadd -a found; fi
  if [[ -n $files ]]; then _files; fi
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _signet "$@"; else compdef _signet signet; fi
`;
}

const DIALECT: Dialect = {
  arm: (patterns, body) => `    ${patterns.map(quoted).join(" | ")}) ${body.join("; ")} ;;`,
  place: ({ commands, options, valued }) => [
    `commands=(${commands.map(entry).join(" ")})`,
    `options=(${options.map(entry).join(" ")})`,
    `valued=(${valued.flatMap(({ spellings }) => spellings).join(" ")})`,
  ],
  values: valuesBody,
};

/** As in bash, but `words` is zsh's own. */
const VALUES: Dialect = {
  ...DIALECT,
  values: (values) => valuesBody(values).map((text) => text.replace(/^words=/, "words_of=")),
};

function entry({ word, help }: Candidate): string {
  return quoted(`${word.replaceAll(":", "\\:")}:${help.replaceAll(":", "\\:")}`);
}
