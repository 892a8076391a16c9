import type { EnvironmentFleet, WatchedEnvironment } from "../../../gen/signet/v1/watch_pb.js";

/** What the stream tells of environments, of all projects that the token sees. */
export type EnvironmentNews =
  /** The newest state of one. */
  | { readonly kind: "state"; readonly value: WatchedEnvironment }
  | { readonly kind: "gone"; readonly id: string }
  /** Figures of those whose live instances changed. */
  | { readonly kind: "fleet"; readonly value: readonly EnvironmentFleet[] };

type Listener = (news: EnvironmentNews) => void;

const listeners = new Set<Listener>();

/** Hears what the stream tells, in this tab or another one of the browser, until the function that it returns is called. */
export function onEnvironmentNews(listener: Listener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** Tells all who listen. */
export function tellEnvironmentNews(news: EnvironmentNews): void {
  for (const listener of listeners) listener(news);
}
