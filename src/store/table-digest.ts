import { createHash, type Hash } from "node:crypto";
import type { Cell, Rows } from "./bulk.js";

/**
 * The SHA-256 of the rows of a table, in the order in which they are added. Cells are written so that no two lists of rows have the same
 * text: `n`, `i12;` or `t3:abc`, the length in UTF-16 units, and a line feed after each row.
 */
export class TableDigest {
  readonly #hash: Hash = createHash("sha256");
  #rows = 0;

  /** How many rows were added. */
  get rows(): number {
    return this.#rows;
  }

  add(rows: Rows): void {
    this.#rows += rows.length;
    this.#hash.update(rows.map((row) => `${row.map(textOf).join("")}\n`).join(""));
  }

  /** Lower-case hex. Nothing can be added any more. */
  end(): string {
    return this.#hash.digest("hex");
  }
}

function textOf(cell: Cell): string {
  if (cell === null) return "n";
  return typeof cell === "number" ? `i${cell};` : `t${cell.length}:${cell}`;
}
