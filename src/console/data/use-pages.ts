import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { toSignetError, type SignetError } from "../../sdk/signet-error.js";
import { reportRefusal } from "./session.js";
import type { Topic } from "./topics.js";
import { useTopics } from "./use-call.js";

/** One page of a list. */
export interface ItemPage<T> {
  readonly items: readonly T[];
  /** Of the whole list. */
  readonly total: number;
}

/** A list that is read page by page. */
export interface Pages<T> {
  readonly items: readonly T[];
  readonly total: number | undefined;
  readonly hasMore: boolean;
  /** Reads the next page; nothing while one is being read. */
  readonly more: () => void;
  readonly isLoading: boolean;
  readonly error: SignetError | undefined;
  /** Reads again what was read so far. */
  readonly reload: () => void;
}

interface State<T> extends ItemPage<T> {
  readonly key: string;
  readonly isKnown: boolean;
  readonly isLoading: boolean;
  readonly error: SignetError | undefined;
}

/**
 * Reads a list in pages of `limit`. After events of the topics the first page is read again, and what lies behind it only when `reload`
 * or `more` asks. An event lets a read end first.
 *
 * @param key what the list depends on; compared as JSON
 */
export function usePages<T>(
  fetchPage: (page: { offset: number; limit: number; signal: AbortSignal }) => Promise<ItemPage<T>>,
  key: readonly unknown[],
  { limit, refreshOn = [] }: { readonly limit: number; readonly refreshOn?: readonly Topic[] },
): Pages<T> {
  const text = JSON.stringify(key);
  const [state, setState] = useState<State<T>>(() => empty<T>(text));
  const latest = useRef(fetchPage);
  latest.current = fetchPage;
  const running = useRef<AbortController | undefined>(undefined);
  const [round, setRound] = useState(0);
  const isDue = useRef(false);

  const read = useCallback(
    (offset: number, isAgain: boolean) => {
      running.current?.abort();
      const controller = new AbortController();
      running.current = controller;
      isDue.current = false;
      const ended = () => {
        if (running.current !== controller) return;
        running.current = undefined;
        if (isDue.current) setRound((count) => count + 1);
      };
      const { signal } = controller;
      const set = (change: (before: State<T>) => State<T>) => {
        if (!signal.aborted) setState((before) => change(before.key === text ? before : empty<T>(text)));
      };
      set((before) => ({ ...before, isLoading: true, error: undefined }));
      latest.current({ offset, limit, signal }).then(
        ({ items, total }) => {
          set((before) => ({
            ...before,
            items: isAgain ? items : [...before.items.slice(0, offset), ...items],
            total,
            isKnown: true,
            isLoading: false,
          }));
          ended();
        },
        (thrown: unknown) => {
          const error = toSignetError(thrown);
          if (!signal.aborted) void reportRefusal(error);
          set((before) => ({ ...before, error, isLoading: false }));
          ended();
        },
      );
    },
    [text, limit],
  );

  useEffect(() => {
    read(0, true);
    return () => running.current?.abort();
  }, [read]);

  const current = state.key === text ? state : empty<T>(text);
  const size = current.items.length;
  const hasMore = current.isKnown && size < current.total;
  const more = useCallback(() => {
    if (running.current === undefined && hasMore) read(size, false);
  }, [read, hasMore, size]);
  const reload = useCallback(() => read(0, true), [read]);
  const refresh = () => {
    if (size <= limit) reload();
  };
  useEffect(() => {
    if (isDue.current) refresh();
  }, [round]);
  useTopics(refreshOn, () => {
    // A read that takes longer than events are apart would never end if each of them started it again.
    if (running.current === undefined) refresh();
    else isDue.current = true;
  });
  return {
    items: current.items,
    total: current.isKnown ? current.total : undefined,
    hasMore,
    more,
    isLoading: current.isLoading,
    error: current.error,
    reload,
  };
}

function empty<T>(key: string): State<T> {
  return { key, items: [], total: 0, isKnown: false, isLoading: true, error: undefined };
}
