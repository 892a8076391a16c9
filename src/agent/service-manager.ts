import { spawn } from "node:child_process";
import type { OutputLog } from "./outputs/output-log.js";

/**
 * Tells systemd that the service is ready, where it asks (`Type=notify` with `NotifyAccess=all`, since its own program tells it: Node has
 * no datagram sockets of files). Resolves when it was told, or could not be.
 */
export async function tellReady(
  environment: Readonly<Record<string, string | undefined>>,
  status: string,
  log: OutputLog,
): Promise<void> {
  const { NOTIFY_SOCKET = "", PATH = "/usr/bin:/bin" } = environment;
  if (NOTIFY_SOCKET === "") return;
  await new Promise<void>((resolve) => {
    const child = spawn("systemd-notify", ["--ready", `--status=${status}`], {
      stdio: "ignore",
      env: { PATH, NOTIFY_SOCKET },
    });
    child.on("error", (err) => {
      log.warn({ err }, "cannot tell systemd that the agent is ready: is systemd-notify installed?");
      resolve();
    });
    child.on("exit", (code) => {
      if (code !== 0) log.warn({ code }, "systemd-notify failed");
      resolve();
    });
  });
}
