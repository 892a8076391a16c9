import type { Shell } from "./shell.js";

/** A call's options that keep the number of all rows, for lists whose answer is an array alone. */
export function countingTotal(): { onHeader(header: Headers): void; total(): number | undefined } {
  let text: string | null = null;
  return {
    onHeader(header) {
      text = header.get("X-Total-Count");
    },
    total: () => (text === null ? undefined : Number(text)),
  };
}

/** Says that there is more than what is shown, and which option shows it. */
export function noticeMore(shell: Shell, shown: number, total: number | undefined, option: string): void {
  if (shell.json || total === undefined || shown >= total) return;
  shell.notice(`${shown} of ${total}; more with ${option}`);
}
