import { sleep } from "../../../core/schedule/wait.js";
import { limitSilence } from "../../limit-silence.js";
import { SignetError } from "../../signet-error.js";
import { askLatest } from "./latest.js";
import type { Rest } from "./http.js";
import type { Following, News, Position, Rung } from "./rung.js";

/** The longest that a poll is held: many a path cuts what is silent for half a minute. */
const HELD_SECONDS = 25;
/** Between polls that are not held. */
const IDLE_MS = 15_000;
/** Sooner than this an answer was not held. */
const AT_ONCE_MS = 1_000;
/** So many answered polls in a row, and they are held for longer again. */
const GOOD_POLLS = 20;
const SILENT_MS = HELD_SECONDS * 1_000 + IDLE_MS + 10_000;

/**
 * Follows by polls that the server holds until there is something new. On a path that cuts held requests they are held for half as long
 * each time, down to polls that are answered at once; for longer again after some that it did not cut.
 */
export function createPollRung(rest: Rest, { instanceId }: Following): Rung {
  let heldSeconds = HELD_SECONDS;
  let good = 0;
  const poll = async (position: Position, waitSeconds: number, signal: AbortSignal) => {
    try {
      const news = await askLatest(rest, position, { instanceId, waitSeconds }, signal);
      good += 1;
      if (good >= GOOD_POLLS && heldSeconds < HELD_SECONDS) {
        heldSeconds = Math.min(HELD_SECONDS, Math.max(1, 2 * heldSeconds));
        good = 0;
      }
      return news;
    } catch (thrown) {
      const isCut = !signal.aborted && thrown instanceof SignetError && !thrown.isFromServer;
      if (waitSeconds > 0 && isCut) {
        heldSeconds >>= 1;
        good = 0;
      }
      throw thrown;
    }
  };
  const polls = async function* (position: () => Position, signal: AbortSignal): AsyncGenerator<News> {
    for (let waitSeconds = 0; ; waitSeconds = heldSeconds) {
      const [from, had] = [performance.now(), position()];
      const news = await poll(had, waitSeconds, signal);
      const isNew = news.type === "proof" && news.about.deploymentId !== had.deploymentId;
      const wasHeld = performance.now() - from >= AT_ONCE_MS;
      yield news;
      // The server ends a held poll too when the project gets another root.
      const hasRoot = position().rootVersion !== had.rootVersion;
      if (heldSeconds === 0 || (waitSeconds > 0 && !isNew && !hasRoot && !wasHeld)) await sleep(IDLE_MS, signal);
    }
  };
  return {
    name: "poll",
    open: (position, signal, firstMs) =>
      limitSilence((connection) => polls(position, connection), SILENT_MS, signal, firstMs),
  };
}
