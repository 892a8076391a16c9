import type { Shell } from "../shell/shell.js";

/** Shows how far some work is, at each quarter: a terminal keeps the lines. */
export function quarters(shell: Shell, what: string): (done: number, total: number) => void {
  let shown = 0;
  return (done, total) => {
    const quarter = total === 0 ? 4 : Math.floor((4 * done) / total);
    if (quarter > shown) shell.progress(`${what} ${quarter * 25} %`);
    shown = Math.max(shown, quarter);
  };
}
