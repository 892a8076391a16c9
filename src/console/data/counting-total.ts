/** The number of all items of a list that answers a page, as its header X-Total-Count says. */
export interface CountingTotal {
  readonly signal?: AbortSignal;
  readonly onHeader: (headers: Headers) => void;
  /** Undefined before the answer. */
  readonly total: () => number | undefined;
}

/** Options of a call that keep its total. */
export function countingTotal(signal?: AbortSignal): CountingTotal {
  let total: number | undefined;
  return {
    ...(signal === undefined ? {} : { signal }),
    onHeader: (headers) => {
      const text = headers.get("x-total-count");
      if (text !== null && /^\d{1,15}$/.test(text)) total = Number(text);
    },
    total: () => total,
  };
}
