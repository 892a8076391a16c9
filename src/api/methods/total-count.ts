import type { HandlerContext } from "@connectrpc/connect";
import type { Listed } from "../../store/page.js";

/** The rows of a bare array, with the number of all of them in X-Total-Count (api.md, "lists"). */
export function countedRows<T>(context: HandlerContext, { rows, total }: Listed<T>): readonly T[] {
  context.responseHeader.set("X-Total-Count", String(total));
  return rows;
}
