import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Command } from "commander";
import { line } from "../../core/printable.js";
import { examples } from "../shell/help.js";
import type { Io } from "../shell/io.js";
import { serverUrl } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";

/** The server's page for people. */
const PAGE = "/docs";

const HELP = `
Uses the program that BROWSER names, else the system's. Without one, or without a display, it only prints the address.
`;

/** `signet open`: the server's page in a browser. */
export function addOpen(program: Command, shell: Shell): void {
  program
    .command("open")
    .description("open the server's page in a browser, or print its address")
    .addHelpText("after", HELP + examples("signet open", "signet open --context staging"))
    .action(async (_: unknown, command: Command) => {
      const page = `${serverUrl(command.optsWithGlobals<GlobalOptions>()).replace(/\/+$/, "")}${PAGE}`;
      const opener = openerOf(shell.io.environment);
      const isOpened = opener !== undefined && (await starts([...opener, page], shell.io.environment));
      shell.answer(
        () => JSON.stringify({ url: page, opened: isOpened }),
        () => line`${page}\n`,
      );
    });
}

/** The command that opens a URL; undefined when nobody would see it. */
function openerOf({
  BROWSER = "",
  DISPLAY = "",
  WAYLAND_DISPLAY = "",
}: Io["environment"]): readonly string[] | undefined {
  if (BROWSER !== "") return [BROWSER];
  if (process.platform === "darwin") return ["open"];
  if (process.platform === "win32") return ["rundll32", "url.dll,FileProtocolHandler"];
  return DISPLAY === "" && WAYLAND_DISPLAY === "" ? undefined : ["xdg-open"];
}

/** Whether the program could be started; it goes on without this one. */
async function starts([file = "", ...args]: readonly string[], environment: Io["environment"]): Promise<boolean> {
  try {
    // Without a shell, so that nothing in the URL is a command.
    const child = spawn(file, args, { stdio: "ignore", detached: true, env: { ...environment } });
    await once(child, "spawn");
    child.unref();
    return true;
  } catch {
    return false;
  }
}
