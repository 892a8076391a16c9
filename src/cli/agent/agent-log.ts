import { SETTINGS } from "../../config/config.js";
import { AppError } from "../../core/error.js";
import { UsageError } from "../shell/cli-error.js";
import type { Shell } from "../shell/shell.js";

/**
 * The log of an agent, on standard error: text on a terminal, else JSON, as SIGNET_LOG_LEVEL and SIGNET_LOG_FORMAT say.
 *
 * @param ends whether the command ends by itself: then only warnings and errors are logged, unless SIGNET_LOG_LEVEL says otherwise
 */
export async function openAgentLog(shell: Shell, ends: boolean) {
  // Only here: other commands log nothing.
  const { createLogger } = await import("../../server/logger.js");
  const { isErrTerminal } = shell.io;
  const { logLevel, logFormat } = SETTINGS;
  const level = settingOf(shell, ends ? { ...logLevel, fallback: "warn" } : logLevel);
  const wanted = settingOf(shell, logFormat);
  const format = wanted === "auto" ? (isErrTerminal ? "text" : "json") : wanted;
  return createLogger(level, undefined, { format, color: isErrTerminal && shell.allowsColor });
}

function settingOf<T>(
  shell: Shell,
  setting: { readonly env: string; readonly fallback: string; parse(text: string, name: string): T },
): T {
  try {
    return setting.parse(shell.io.environment[setting.env] ?? setting.fallback, setting.env);
  } catch (thrown) {
    if (thrown instanceof AppError) throw new UsageError(thrown.message, { cause: thrown });
    throw thrown;
  }
}
