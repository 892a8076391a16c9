import { useSignalEffect, type ReadonlySignal } from "@preact/signals";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { toSignetError, type SignetError } from "../../sdk/signet-error.js";
import { reportRefusal } from "./session.js";
import { pace, type Pace } from "./pace.js";
import { ticks, type Topic } from "./topics.js";

/** Events of a topic repeat a call at most this often, in milliseconds. */
const REFRESH_MS = 1_000;

/** A call, and what it answered. */
export interface Call<T> {
  /** The newest answer; it stays while the call is repeated, and goes when the key changes. */
  readonly value: T | undefined;
  readonly error: SignetError | undefined;
  readonly isLoading: boolean;
  readonly reload: () => void;
}

interface State<T> {
  readonly key: string;
  readonly value: T | undefined;
  readonly error: SignetError | undefined;
  readonly isLoading: boolean;
}

/**
 * Calls the server when the component appears, when `key` changes, and after events of the topics. A newer call aborts the one
 * before; an event lets it end first. A session that ended is told to the session.
 *
 * @param key what the call depends on; compared as JSON. Null calls nothing.
 */
export function useCall<T>(
  call: (signal: AbortSignal) => Promise<T>,
  key: readonly unknown[] | null,
  { refreshOn = [] }: { readonly refreshOn?: readonly (Topic | ReadonlySignal<number>)[] } = {},
): Call<T> {
  const text = key === null ? "" : JSON.stringify(key);
  const [state, setState] = useState<State<T>>({ key: text, value: undefined, error: undefined, isLoading: true });
  const [round, setRound] = useState(0);
  const latest = useRef(call);
  latest.current = call;
  const isRunning = useRef(false);
  const isDue = useRef(false);

  useEffect(() => {
    if (text === "") return;
    isRunning.current = true;
    isDue.current = false;
    const controller = new AbortController();
    const { signal } = controller;
    const set = (next: Partial<State<T>>) => {
      if (!signal.aborted) setState((before) => ({ ...(before.key === text ? before : empty<T>(text)), ...next }));
    };
    set({ isLoading: true });
    latest
      .current(signal)
      .then(
        (value) => set({ value, error: undefined, isLoading: false }),
        (thrown: unknown) => {
          const error = toSignetError(thrown);
          if (!signal.aborted) void reportRefusal(error);
          set({ error, isLoading: false });
        },
      )
      .finally(() => {
        if (signal.aborted) return;
        isRunning.current = false;
        if (isDue.current) setRound((count) => count + 1);
      });
    return () => controller.abort();
  }, [text, round]);

  const reload = useCallback(() => setRound((count) => count + 1), []);
  useTopics(refreshOn, () => {
    // A read that takes longer than events are apart would never end if each of them started it again.
    if (isRunning.current) isDue.current = true;
    else reload();
  });
  const current = state.key === text ? state : empty<T>(text);
  return { value: current.value, error: current.error, isLoading: current.isLoading, reload };
}

function empty<T>(key: string): State<T> {
  return { key, value: undefined, error: undefined, isLoading: true };
}

/** Calls `refresh` after events of the topics, or counts of other signals: at once, and then at most once a second, with the last one always heard. */
export function useTopics(topics: readonly (Topic | ReadonlySignal<number>)[], refresh: () => void): void {
  const seen = useRef<number | null>(null);
  const latest = useRef(refresh);
  latest.current = refresh;
  const refreshing = useRef<Pace | undefined>(undefined);
  const paced = (refreshing.current ??= pace(() => latest.current(), REFRESH_MS));
  useSignalEffect(() => {
    const counts = topics.map((topic) => (typeof topic === "string" ? ticks[topic] : topic).value);
    const count = counts.reduce((sum, each) => sum + each, 0);
    if (seen.current !== null && seen.current !== count) paced.ask();
    seen.current = count;
  });
  useEffect(() => () => paced.stop(), []);
}
