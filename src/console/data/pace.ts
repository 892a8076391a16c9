/** Something that is done at once when it is asked for, and then at most once in a while, with the last one always heard. */
export interface Pace {
  ask(): void;
  /** Forgets what was asked for. */
  stop(): void;
}

/** Calls `act` at most once in `everyMs` milliseconds, however often it is asked for. Never calls it before `ask` has returned. */
export function pace(act: () => void, everyMs: number): Pace {
  let due: ReturnType<typeof setTimeout> | undefined;
  let lastMs = -Infinity;
  return {
    ask() {
      if (due !== undefined) return;
      due = setTimeout(
        () => {
          due = undefined;
          lastMs = performance.now();
          act();
        },
        Math.max(0, lastMs + everyMs - performance.now()),
      );
    },
    stop() {
      clearTimeout(due);
      due = undefined;
    },
  };
}
