/** A run of lines that both texts have, or one of them. */
export interface LineRun {
  readonly kind: "same" | "added" | "removed";
  readonly lines: readonly string[];
}

/** The differences between two texts, line by line. */
export interface LineDiff {
  /** In order, with the lines that both have. */
  readonly runs: readonly LineRun[];
  readonly added: number;
  readonly removed: number;
}

/** A part of a difference: the lines that changed with some around them. Line numbers from 1; 0 before the first line of none. */
export interface Hunk {
  readonly oldStart: number;
  readonly oldLines: number;
  readonly newStart: number;
  readonly newLines: number;
  readonly runs: readonly LineRun[];
}

/** Beyond so many added and removed lines between a common start and end they are told as one: the search takes their square. */
const MAX_EDITS = 1_000;

/**
 * Compares two texts by lines (Myers, "An O(ND) Difference Algorithm and Its Variations", 1986, figure 2): the fewest lines added and
 * removed. A line is what a line feed ends; a text that ends without one differs in its last line from one that ends with it.
 */
export function diffLines(before: string, after: string): LineDiff {
  const [a, b] = [linesOf(before), linesOf(after)];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const runs = new Runs();
  runs.add("same", a.slice(0, start));
  changeRuns(a.slice(start, a.length - end), b.slice(start, b.length - end), runs);
  runs.add("same", a.slice(a.length - end));
  return runs.done();
}

/** The parts of a difference with at most `context` common lines before and after each change. */
export function hunksOf({ runs }: LineDiff, context = 3): readonly Hunk[] {
  const hunks: { oldStart: number; oldLines: number; newStart: number; newLines: number; runs: LineRun[] }[] = [];
  let [oldLine, newLine] = [1, 1];
  let hunk: (typeof hunks)[number] | null = null;
  for (const [i, { kind, lines }] of runs.entries()) {
    if (kind === "same") {
      const isLast = i === runs.length - 1;
      if (hunk !== null && (isLast || lines.length > 2 * context)) {
        extend(hunk, { kind, lines: lines.slice(0, context) });
        hunk = null;
      } else if (hunk !== null) extend(hunk, { kind, lines });
      if (hunk === null && !isLast) {
        const before = lines.slice(Math.max(0, lines.length - context));
        const [oldStart, newStart] = [oldLine + lines.length - before.length, newLine + lines.length - before.length];
        hunk = { oldStart, oldLines: 0, newStart, newLines: 0, runs: [] };
        hunks.push(hunk);
        if (before.length > 0) extend(hunk, { kind, lines: before });
      }
    } else {
      if (hunk === null) {
        hunk = { oldStart: oldLine, oldLines: 0, newStart: newLine, newLines: 0, runs: [] };
        hunks.push(hunk);
      }
      extend(hunk, { kind, lines });
    }
    if (kind !== "added") oldLine += lines.length;
    if (kind !== "removed") newLine += lines.length;
  }
  // By the convention of unified diffs: no lines are counted from the line before.
  return hunks.map((made) => ({
    ...made,
    oldStart: made.oldLines === 0 ? made.oldStart - 1 : made.oldStart,
    newStart: made.newLines === 0 ? made.newStart - 1 : made.newStart,
  }));
}

function extend(hunk: { oldLines: number; newLines: number; runs: LineRun[] }, run: LineRun): void {
  hunk.runs.push(run);
  if (run.kind !== "added") hunk.oldLines += run.lines.length;
  if (run.kind !== "removed") hunk.newLines += run.lines.length;
}

/** Each with its line feed; the last one without it, if the text has none there. */
function linesOf(text: string): readonly string[] {
  const lines = text.split("\n").map((line) => `${line}\n`);
  const last = lines.pop()?.slice(0, -1) ?? "";
  return last === "" ? lines : [...lines, last];
}

class Runs {
  readonly #runs: { kind: LineRun["kind"]; lines: string[] }[] = [];
  #added = 0;
  #removed = 0;

  add(kind: LineRun["kind"], lines: readonly string[]): void {
    if (lines.length === 0) return;
    if (kind === "added") this.#added += lines.length;
    if (kind === "removed") this.#removed += lines.length;
    const last = this.#runs.at(-1);
    if (last?.kind === kind) for (const line of lines) last.lines.push(line);
    else this.#runs.push({ kind, lines: [...lines] });
  }

  done(): LineDiff {
    return { runs: this.#runs, added: this.#added, removed: this.#removed };
  }
}

function changeRuns(a: readonly string[], b: readonly string[], runs: Runs): void {
  const steps = a.length === 0 || b.length === 0 ? null : shortest(a, b);
  if (steps === null) {
    runs.add("removed", a);
    runs.add("added", b);
    return;
  }
  let [x, y] = [0, 0];
  for (const { isDown, x: toX, y: toY } of steps) {
    // Diagonals go before a step, and after the last one.
    const same = isDown ? toX - x : toX - 1 - x;
    runs.add("same", a.slice(x, x + same));
    if (isDown) runs.add("added", b.slice(toY - 1, toY));
    else runs.add("removed", a.slice(toX - 1, toX));
    [x, y] = [toX, toY];
  }
  runs.add("same", a.slice(x, x + Math.min(a.length - x, b.length - y)));
}

/** A step down takes a line of the new text, one to the right a line of the old one; x and y are where it ends. */
interface Step {
  readonly isDown: boolean;
  readonly x: number;
  readonly y: number;
}

/** The steps of the shortest way; null if it has more than MAX_EDITS. */
function shortest(a: readonly string[], b: readonly string[]): readonly Step[] | null {
  const max = Math.min(MAX_EDITS, a.length + b.length);
  const middle = max + 1;
  const furthest = new Int32Array(2 * max + 3);
  const trace: Int32Array[] = [];
  for (let d = 0; d <= max; d++) {
    trace.push(furthest.slice(middle - d - 1, middle + d + 2));
    for (let k = -d; k <= d; k += 2) {
      const isDown = goesDown(furthest, middle, d, k);
      let x = isDown ? at(furthest, middle + k + 1) : at(furthest, middle + k - 1) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      furthest[middle + k] = x;
      if (x >= a.length && x - k >= b.length) return walkBack(trace, a.length - b.length, d);
    }
  }
  return null;
}

/** Each trace has the furthest x of the diagonals -d-1 to d+1, as they were before step d. */
function walkBack(trace: readonly Int32Array[], lastK: number, lastD: number): readonly Step[] {
  const steps: Step[] = [];
  let k = lastK;
  for (let d = lastD; d > 0; d--) {
    const before = trace[d] ?? new Int32Array();
    const middle = d + 1;
    const isDown = goesDown(before, middle, d, k);
    const x = isDown ? at(before, middle + k + 1) : at(before, middle + k - 1) + 1;
    steps.push({ isDown, x, y: x - k });
    k += isDown ? 1 : -1;
  }
  return steps.reverse();
}

function goesDown(furthest: Int32Array, middle: number, d: number, k: number): boolean {
  return k === -d || (k !== d && at(furthest, middle + k - 1) < at(furthest, middle + k + 1));
}

function at(furthest: Int32Array, index: number): number {
  return furthest[index] ?? 0;
}
