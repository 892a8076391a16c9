import { spawn } from "node:child_process";

/** Does what has to be done after this process where this process cannot: it was killed, or it ended early. */
export interface Watchdog {
  /** There is nothing left to do. */
  dismiss(): void;
}

/**
 * Runs shell commands as soon as this process has ended, in whichever way, unless it is dismissed before. Its shell is in a
 * session of its own, so that Ctrl-C in the terminal does not end it too; it does not keep this process alive.
 *
 * @param commands for `/bin/sh`; the arguments are `$1`, `$2` …
 */
export function leaveWatchdog(commands: string, ...argv: readonly string[]): Watchdog {
  const script = `read -r dismissed && exit 0\n${commands}`;
  const shell = spawn("/bin/sh", ["-c", script, "watchdog", ...argv], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  shell.unref();
  // Its end is a socket of Node's, which can be unreferenced as such; the type says less.
  (shell.stdin as unknown as { unref(): void }).unref();
  shell.stdin.on("error", () => undefined);
  return { dismiss: () => void shell.stdin.end("dismissed\n") };
}
