import { signal } from "@preact/signals";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { timeZone } from "../data/preferences.js";

/** Counts up every 10 seconds, so that relative times stay true. */
const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 10_000);
document.addEventListener("visibilitychange", () => (now.value = Date.now()));

const STEPS = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "long" });
const relativeShort = new Intl.RelativeTimeFormat("en", { numeric: "always", style: "narrow" });

/** Milliseconds since 1970. */
export function millisOf(at: Timestamp): number {
  return Number(at.seconds) * 1000 + Math.floor(at.nanos / 1e6);
}

/** `3 minutes ago`, `in 2 days`, `just now`; short: `3m ago`. */
export function relativeTime(ms: number, nowMs: number, isShort = false): string {
  const seconds = Math.round((ms - nowMs) / 1000);
  for (const [unit, size] of STEPS) {
    if (Math.abs(seconds) >= size) return (isShort ? relativeShort : relative).format(Math.trunc(seconds / size), unit);
  }
  if (Math.abs(seconds) < 10) return "just now";
  return seconds < 0 ? `${-seconds} seconds ago` : `in ${seconds} seconds`;
}

/** `2026-03-01 12:30:05 UTC`, or the local time with its offset. */
export function absoluteTime(ms: number, zone: "local" | "utc"): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return "";
  if (zone === "utc") return `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
  const offset = -date.getTimezoneOffset();
  const local = new Date(ms + offset * 60_000).toISOString().slice(0, 19).replace("T", " ");
  const two = (value: number) => String(value).padStart(2, "0");
  const size = Math.abs(offset);
  return `${local} ${offset < 0 ? "−" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

interface TimeProps {
  /** Nothing is shown for undefined but a dash. */
  readonly at: Timestamp | undefined;
  /** The absolute time as the text, for tables that are read by time. */
  readonly absolute?: boolean;
  /** The absolute time to the minute as the text, for periods in narrow columns. */
  readonly minute?: boolean;
  /** `3m ago`, for narrow places. */
  readonly short?: boolean;
}

/** A moment: relative, with the absolute time as its title. */
export function Time({ at, absolute = false, minute = false, short = false }: TimeProps) {
  if (at === undefined) return <span class="muted">–</span>;
  const ms = millisOf(at);
  const exact = absoluteTime(ms, timeZone.value);
  const near = relativeTime(ms, now.value, short);
  return (
    <time dateTime={new Date(ms).toISOString()} title={absolute ? near : exact}>
      {minute ? exact.slice(0, "2026-03-01 12:30".length) : absolute ? exact : near}
    </time>
  );
}
