import type { Shell } from "../shell/shell.js";

const ON_TERMINAL_MS = 1_000;
const IN_LOG_MS = 30_000;

interface Progress {
  readonly step: string;
  readonly table: string | null;
  readonly place: number;
  readonly places: number;
  readonly done: number;
  readonly total: number;
}

/** Tells how far a move is: a line each second on a terminal, twice a minute in a log. */
export class MoveLines {
  #toldMs = performance.now();
  #step = "";
  #stepMs = 0;

  constructor(private readonly shell: Shell) {}

  readonly show = (progress: Progress): void => {
    const nowMs = performance.now();
    const step = `${progress.step} ${progress.table ?? ""}`;
    if (step !== this.#step) {
      this.#step = step;
      this.#stepMs = nowMs;
    }
    const { isErrTerminal } = this.shell.io;
    if (nowMs - this.#toldMs < (isErrTerminal ? ON_TERMINAL_MS : IN_LOG_MS)) return;
    this.#toldMs = nowMs;
    const text = textOf(progress, (nowMs - this.#stepMs) / 1000);
    if (isErrTerminal) this.shell.progress(text);
    else this.shell.notice(text);
  };
}

function textOf({ step, table, place, places, done, total }: Progress, seconds: number): string {
  const what = table === null ? step : `${step} ${table} (table ${place} of ${places})`;
  const rate = seconds < 1 ? "" : `, ${Math.round(done / seconds)}/s`;
  return `${what}: ${done} of ${total}${rate}`;
}
