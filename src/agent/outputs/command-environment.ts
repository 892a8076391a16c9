/**
 * The environment that commands inherit: the agent's own without its settings (`SIGNET_…`), the socket of systemd, and whatever holds one
 * of its tokens.
 *
 * @param tokenVariables names of variables that the configuration names for tokens
 * @param tokens what no variable may hold
 */
export function inheritedEnvironment(
  own: Readonly<Record<string, string | undefined>>,
  tokenVariables: readonly string[],
  tokens: readonly string[],
): Readonly<Record<string, string>> {
  const names = new Set(["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", ...tokenVariables]);
  const secrets = tokens.filter((token) => token !== "");
  return Object.fromEntries(
    Object.entries(own).flatMap(([name, value]) => {
      if (value === undefined || names.has(name) || name.startsWith("SIGNET_")) return [];
      return secrets.some((token) => value.includes(token)) ? [] : [[name, value]];
    }),
  );
}
