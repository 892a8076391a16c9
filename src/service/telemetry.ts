import { scanStrictJson } from "../bundle/strict-json.js";

/** Counts telemetry events; they are not stored. */
export class Telemetry {
  #total = 0;

  /** Counts the events of a JSON text that is an array of them, an object whose `events` is one, or one event. Throws as scanStrictJson. */
  count(events: string | null): number {
    if (events === null) return 0;
    scanStrictJson(events, { base: ["body", "events"] });
    const count = countOf(JSON.parse(events));
    this.#total += count;
    return count;
  }

  /** How many were counted since the server started. */
  get total(): number {
    return this.#total;
  }
}

function countOf(parsed: unknown): number {
  if (Array.isArray(parsed)) return parsed.length;
  if (typeof parsed !== "object" || parsed === null) return 0;
  const list: unknown = Object.hasOwn(parsed, "events") ? (parsed as { events: unknown }).events : null;
  if (Array.isArray(list)) return list.length;
  return Object.keys(parsed).length > 0 ? 1 : 0;
}
