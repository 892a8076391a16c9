/** The longest time that a timer of Node can wait, in whole seconds: about 24 days. A longer one fires at once. */
const MAX_SECONDS = Math.floor((2 ** 31 - 1) / 1000);

const UNIT_SECONDS: Readonly<Record<string, number>> = { H: 3600, M: 60, S: 1 };

/**
 * Shortens a deadline that Node's timers cannot hold to the longest that they can. Every other one stays, also a broken one, which
 * the protocol's handler refuses.
 */
export function clampDeadline(header: Headers): void {
  const grpc = /^(\d{1,8})([HMS])$/.exec(header.get("grpc-timeout") ?? "");
  if (grpc !== null && Number(grpc[1]) * (UNIT_SECONDS[grpc[2] ?? "S"] ?? 1) > MAX_SECONDS) {
    header.set("grpc-timeout", `${MAX_SECONDS}S`);
  }
  const connect = header.get("connect-timeout-ms") ?? "";
  if (/^\d{1,10}$/.test(connect) && Number(connect) > MAX_SECONDS * 1000) {
    header.set("connect-timeout-ms", String(MAX_SECONDS * 1000));
  }
}
