import type { ComponentChildren } from "preact";
import type { Call } from "../data/use-call.js";
import { ErrorNote } from "./error-note.js";
import { Command } from "./text.js";

/** The place of something that is being read. */
export function Skeleton({ lines = 4 }: { readonly lines?: number }) {
  return (
    <div class="skeleton" role="status">
      <span class="visually-hidden">Loading…</span>
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} class="skeleton-line" aria-hidden="true" />
      ))}
    </div>
  );
}

interface EmptyProps {
  readonly title: string;
  readonly text?: ComponentChildren;
  /** The command that would change it. */
  readonly command?: string;
  readonly action?: ComponentChildren;
}

/** A list without entries: why, and what to do. */
export function Empty({ title, text, command, action }: EmptyProps) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {text !== undefined && <p>{text}</p>}
      {command !== undefined && <Command text={command} />}
      {action !== undefined && <div class="empty-action">{action}</div>}
    </div>
  );
}

interface LoadedProps<T> {
  readonly call: Call<T>;
  /** Lines of the skeleton. */
  readonly lines?: number;
  readonly children: (value: T) => ComponentChildren;
}

/** What a call answered: a skeleton until then, its error with a way to try again, and an old answer below the error of a newer call. */
export function Loaded<T>({ call, lines, children }: LoadedProps<T>) {
  const { value, error, reload } = call;
  return (
    <>
      {error !== undefined && <ErrorNote error={error} retry={reload} />}
      {value === undefined
        ? error === undefined && <Skeleton {...(lines === undefined ? {} : { lines })} />
        : children(value)}
    </>
  );
}
