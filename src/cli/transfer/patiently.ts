import { sleep } from "../../core/schedule/wait.js";
import { SignetError } from "../../sdk/index.js";
import type { Shell } from "../shell/shell.js";

/** A server counts requests by the minute. */
const MAX_WAIT_SECONDS = 120;
const MAX_WAITS = 10;

/**
 * Makes one of many calls, again after a refusal for too many requests, when the server says that it may: a file of thousands of
 * versions takes more calls than a token has in a minute. Throws what the call throws otherwise.
 *
 * @param wait milliseconds; tests replace it
 */
export async function patiently<T>(shell: Shell, call: () => Promise<T>, wait: typeof sleep = sleep): Promise<T> {
  for (let waits = 0; ; waits += 1) {
    try {
      return await call();
    } catch (thrown) {
      const isLimited = thrown instanceof SignetError && thrown.code === "rate_limited";
      const seconds = isLimited ? thrown.retryAfterSeconds : undefined;
      if (seconds === undefined || seconds > MAX_WAIT_SECONDS || waits === MAX_WAITS) throw thrown;
      shell.progress(`too many requests: waiting ${seconds} s`);
      await wait(seconds * 1000, shell.io.signal);
      if (shell.io.signal.aborted) throw thrown;
    }
  }
}
