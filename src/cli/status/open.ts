import { spawn } from "node:child_process";
import { once } from "node:events";
import { Argument, type Command } from "commander";
import { line } from "../../core/printable.js";
import { examples } from "../shell/help.js";
import type { Io } from "../shell/io.js";
import { serverUrl } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";

/** Pages for people, by the word that opens them. */
const PAGES = { console: "/console/", docs: "/docs" } as const;

const HELP = `
Opens the console, or the reference of the API. The address is that of the context, --url or SIGNET_URL; without one of them, and with
SIGNET_PUBLIC_URL in the environment, its first URL.
Uses the program that BROWSER names, else the system's. Without one, or without a display, it only prints the address.
`;

/** `signet open`: the console in a browser, or the reference of the API. */
export function addOpen(program: Command, shell: Shell): void {
  program
    .command("open")
    .description("open the console in a browser, or print its address")
    .addArgument(new Argument("[page]", "page to open").choices(Object.keys(PAGES)).default("console"))
    .addHelpText("after", HELP + examples("signet open", "signet open docs", "signet open --context staging"))
    .action(async (name: keyof typeof PAGES, _: unknown, command: Command) => {
      const page = `${pageServer(command.optsWithGlobals<GlobalOptions>(), shell.io)}${PAGES[name]}`;
      const opener = openerOf(shell.io.environment);
      const isOpened = opener !== undefined && (await starts([...opener, page], shell.io.environment));
      shell.answer(
        () => JSON.stringify({ url: page, opened: isOpened }),
        () => line`${page}\n`,
      );
    });
}

/** Where a browser finds the server, without a slash at its end. */
function pageServer(options: GlobalOptions, { environment }: Pick<Io, "environment">): string {
  const [publicUrl = ""] = (environment["SIGNET_PUBLIC_URL"] ?? "").split(",");
  const isPublic = options.url === undefined && publicUrl.trim() !== "";
  return serverUrl(isPublic ? { url: publicUrl.trim() } : options).replace(/\/+$/, "");
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
