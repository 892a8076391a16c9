import { Argument, type Command } from "commander";
import { examples } from "../shell/help.js";
import type { Shell } from "../shell/shell.js";
import { bashScript } from "./bash.js";
import { fishScript } from "./fish.js";
import { grammarOf, type Place } from "./grammar.js";
import { zshScript } from "./zsh.js";

const SCRIPTS: Readonly<Record<string, (places: readonly Place[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

const HELP = `
Load it where the shell starts:
  bash  source <(signet completion bash)      in ~/.bashrc
  zsh   source <(signet completion zsh)       in ~/.zshrc, after compinit
  fish  signet completion fish | source       in ~/.config/fish/config.fish

It completes commands, options and their values; environments and projects are asked of the server, for at most two seconds.
`;

/** `signet completion`: the script that completes command lines of signet in a shell. */
export function addCompletion(program: Command, shell: Shell): void {
  program
    .command("completion")
    .description("write the completion script for bash, zsh or fish")
    .addArgument(new Argument("<shell>", "the shell").choices(Object.keys(SCRIPTS)))
    .addHelpText("after", HELP + examples("signet completion bash > /etc/bash_completion.d/signet"))
    .action((name: string) => {
      const script = SCRIPTS[name]?.(grammarOf(program)) ?? "";
      shell.io.out(script);
    });
}
