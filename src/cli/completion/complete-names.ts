import { Argument, type Command } from "commander";
import { readContexts } from "../shell/context-file.js";
import { findToken } from "../shell/credentials.js";
import { serverUrl, Session } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { NAME_KINDS, type NameKind } from "./grammar.js";

/** The name of the hidden command. */
export const COMPLETE = "__complete";

/** A person waits in front of a line that is half written. */
const TIMEOUT_SECONDS = 2;

/** Names that a shell takes as they are: compgen would expand anything else. */
const HARMLESS = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** `signet __complete`, for completion scripts: names, one on a line. Nothing when they cannot be had in time. */
export function addCompleteNames(program: Command, shell: Shell): void {
  program
    .command(COMPLETE, { hidden: true })
    .addArgument(new Argument("<names>").choices(NAME_KINDS))
    .action(async (kind: NameKind, _: unknown, command: Command) => {
      const names = await namesOf(kind, shell, command);
      shell.io.out(
        names
          .filter((name) => HARMLESS.test(name))
          .map((name) => `${name}\n`)
          .join(""),
      );
    });
}

async function namesOf(kind: NameKind, shell: Shell, command: Command): Promise<readonly string[]> {
  if (kind === "contexts") return [...readContexts(shell.io.environment).all.keys()];
  const options = { ...command.optsWithGlobals<GlobalOptions>(), timeout: TIMEOUT_SECONDS };
  using session = Session.as(findToken(shell, serverUrl(options)), shell, options);
  const { organizations } = session.client;
  if (kind === "projects") {
    const { projects } = await organizations.listProjects({ orgId: await session.orgId() });
    return projects.map(({ slug }) => slug);
  }
  const { environments } = await organizations.listEnvironments(await session.project());
  return environments.map(({ name }) => name);
}
