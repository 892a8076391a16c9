import { scanStrictJson } from "../../bundle/strict-json.js";

/** How many events a JSON text has: an array of them, an object whose `events` is one, or one event. Throws as scanStrictJson. */
export function countEvents(text: string): number {
  scanStrictJson(text, { base: ["body", "events"] });
  return countOf(JSON.parse(text));
}

function countOf(parsed: unknown): number {
  if (Array.isArray(parsed)) return parsed.length;
  if (typeof parsed !== "object" || parsed === null) return 0;
  const list: unknown = Object.hasOwn(parsed, "events") ? (parsed as { events: unknown }).events : null;
  if (Array.isArray(list)) return list.length;
  return Object.keys(parsed).length > 0 ? 1 : 0;
}
