import { useCallback, useRef, useState } from "preact/hooks";
import { toSignetError, type SignetError } from "../../sdk/signet-error.js";
import { reportRefusal } from "./session.js";

/** A change that a person starts. */
export interface Action<A extends readonly unknown[], T> {
  /** Starts it; undefined when it failed, or while one is running. */
  readonly run: (...args: A) => Promise<T | undefined>;
  readonly isRunning: boolean;
  /** Why the last one failed. */
  readonly error: SignetError | undefined;
  readonly reset: () => void;
}

/** A change with its progress and its refusal. One runs at a time, so that a double click changes nothing twice. */
export function useAction<A extends readonly unknown[], T>(fn: (...args: A) => Promise<T>): Action<A, T> {
  const [state, setState] = useState<{ isRunning: boolean; error: SignetError | undefined }>({
    isRunning: false,
    error: undefined,
  });
  const latest = useRef(fn);
  latest.current = fn;
  const running = useRef(false);
  const run = useCallback(async (...args: A): Promise<T | undefined> => {
    if (running.current) return undefined;
    running.current = true;
    setState({ isRunning: true, error: undefined });
    try {
      const value = await latest.current(...args);
      setState({ isRunning: false, error: undefined });
      return value;
    } catch (thrown) {
      const error = toSignetError(thrown);
      void reportRefusal(error);
      setState({ isRunning: false, error });
      return undefined;
    } finally {
      running.current = false;
    }
  }, []);
  const reset = useCallback(() => setState({ isRunning: false, error: undefined }), []);
  return { run, ...state, reset };
}
