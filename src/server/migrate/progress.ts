/** How far a move is. */
export interface MoveProgress {
  readonly step: "copying" | "comparing" | "verifying the audit" | "verifying bundles";
  /** The table of the first two steps. */
  readonly table: string | null;
  /** The table's place, from 1, of how many. */
  readonly place: number;
  readonly places: number;
  /** Rows, events or bundles that are done, and how many there are. */
  readonly done: number;
  readonly total: number;
}

/** Who watches a move. */
export interface MoveWatch {
  /** Called after each batch. */
  readonly onProgress: (progress: MoveProgress) => void;
  /** Aborts the move between two batches. */
  readonly signal: AbortSignal;
}
