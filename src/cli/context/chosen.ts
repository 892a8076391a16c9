import type { Command } from "commander";
import { contextNamed, type Context, type Contexts } from "../shell/context-file.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";

/**
 * The context that `--context` names, else SIGNET_CONTEXT, else the current one; undefined when there is none of these. Throws UsageError
 * when the named one does not exist.
 */
export function chosenName(
  shell: Shell,
  command: Command,
  contexts: Contexts,
): { readonly name: string; readonly context: Context } | undefined {
  const { SIGNET_CONTEXT = "" } = shell.io.environment;
  const { context: flag } = command.optsWithGlobals<GlobalOptions>();
  const name = flag ?? (SIGNET_CONTEXT === "" ? contexts.current : SIGNET_CONTEXT);
  return name === null ? undefined : { name, context: contextNamed(contexts, name) };
}
