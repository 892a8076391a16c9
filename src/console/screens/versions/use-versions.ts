import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Bundle } from "../../../../gen/signet/v1/bundle_pb.js";
import { toSignetError, type SignetError } from "../../../sdk/signet-error.js";
import { client } from "../../data/client.js";
import { countingTotal } from "../../data/counting-total.js";
import type { ProjectAt } from "../../data/links.js";
import { reportRefusal } from "../../data/session.js";
import { useTopics } from "../../data/use-call.js";
import type { VersionFilter } from "./filter.js";

/** Versions that are read at once. */
const PAGE = 50;

/** A search goes on by itself through so many portions of 10,000 versions, and then asks. */
const MAX_PORTIONS = 12;

/** The versions of an environment that were read so far. */
export interface Versions {
  readonly items: readonly Bundle[];
  /** Kept in the environment, whether they match or not. */
  readonly kept: number | undefined;
  /** Where older ones begin; undefined when all were looked at. */
  readonly next: number | undefined;
  readonly isLoading: boolean;
  readonly error: SignetError | undefined;
  readonly more: () => void;
  readonly reload: () => void;
}

interface State extends Pick<Versions, "items" | "kept" | "next" | "error" | "isLoading"> {
  readonly key: string;
}

/** Reads the versions of an environment page by page, newest first. */
export function useVersions(at: ProjectAt, env: string, filter: VersionFilter): Versions {
  const key = JSON.stringify([at, env, filter]);
  const [state, setState] = useState<State>(() => empty(key));
  const running = useRef<AbortController | undefined>(undefined);
  const isReading = useRef(false);
  const isDue = useRef(false);

  const read = useCallback(
    (before: number | undefined) => {
      running.current?.abort();
      const controller = new AbortController();
      running.current = controller;
      isReading.current = true;
      isDue.current = false;
      const { signal } = controller;
      const set = (change: (now: State) => State) => {
        if (!signal.aborted) setState((now) => change(now.key === key ? now : empty(key)));
      };
      set((now) => ({ ...now, isLoading: true, error: undefined }));
      const take: Take = (found, kept, next, isFirst) =>
        set((now) => ({
          ...now,
          items: isFirst && before === undefined ? found : [...now.items, ...found],
          kept: kept ?? now.kept,
          next,
        }));
      readPages({ at, env, filter, before, signal }, take)
        .then(
          () => set((now) => ({ ...now, isLoading: false })),
          (thrown: unknown) => {
            const error = toSignetError(thrown);
            if (!signal.aborted) void reportRefusal(error);
            set((now) => ({ ...now, error, isLoading: false }));
          },
        )
        .finally(() => {
          if (!signal.aborted) isReading.current = false;
        });
    },
    [key],
  );

  useEffect(() => {
    read(undefined);
    return () => running.current?.abort();
  }, [read]);
  const current = state.key === key ? state : empty(key);
  const { next, isLoading, items } = current;
  const more = useCallback(() => {
    if (!isLoading && next !== undefined) read(next);
  }, [read, isLoading, next]);
  const reload = useCallback(() => read(undefined), [read]);
  // Who has scrolled down is not thrown back to the first page.
  const refresh = () => {
    if (items.length <= PAGE) reload();
  };
  useEffect(() => {
    if (!isLoading && isDue.current) refresh();
  }, [isLoading]);
  useTopics(["activations"], () => {
    // A search that takes longer than activations are apart would never end if each of them started it again.
    if (isReading.current) isDue.current = true;
    else refresh();
  });
  return { ...current, more, reload };
}

type Take = (found: readonly Bundle[], kept: number | undefined, next: number | undefined, isFirst: boolean) => void;

interface Reading {
  readonly at: ProjectAt;
  readonly env: string;
  readonly filter: VersionFilter;
  readonly before: number | undefined;
  readonly signal: AbortSignal;
}

/** Reads one page. A search reads on until something is found: each call looks through a bounded number of versions. */
async function readPages({ at, env, filter, before, signal }: Reading, take: Take): Promise<void> {
  let beforeVersion = before;
  let found = 0;
  for (let portion = 0; portion < MAX_PORTIONS; portion++) {
    const counting = countingTotal(signal);
    const { bundles, nextBeforeVersion } = await client.bundles.listBundles(
      {
        ...{ orgId: at.org, projectId: at.project, envName: env, limit: PAGE - found, ...filter },
        ...(beforeVersion !== undefined && { beforeVersion }),
      },
      counting,
    );
    take(bundles, counting.total(), nextBeforeVersion, portion === 0);
    found += bundles.length;
    beforeVersion = nextBeforeVersion;
    if (beforeVersion === undefined || found >= PAGE / 2) return;
  }
}

function empty(key: string): State {
  return { key, items: [], kept: undefined, next: undefined, error: undefined, isLoading: true };
}
