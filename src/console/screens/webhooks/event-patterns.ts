import { EVENT_TYPES } from "../../../core/webhook.js";

/** A group of event types, and what it chooses all at once. */
export interface EventGroup {
  /** `bundle.*` */
  readonly pattern: string;
  readonly types: readonly string[];
}

/** All event types by their groups. */
export const EVENT_GROUPS: readonly EventGroup[] = [
  ...new Set(EVENT_TYPES.map((type) => type.split(".")[0] ?? "")),
].map((name) => ({ pattern: `${name}.*`, types: EVENT_TYPES.filter((type) => type.startsWith(`${name}.`)) }));

/** Whether the patterns choose a pattern or a type: by itself, by its group, or by `*`. */
export function isChosen(patterns: readonly string[], choice: string): boolean {
  return patterns.includes("*") || patterns.includes(choice) || patterns.includes(`${choice.split(".")[0] ?? ""}.*`);
}

/** The patterns after a choice was made or taken back. A wider one takes the place of those that it covers. */
export function choose(patterns: readonly string[], choice: string, isOn: boolean): readonly string[] {
  if (!isOn) return patterns.filter((pattern) => pattern !== choice);
  if (choice === "*") return ["*"];
  const isCovered = (pattern: string) => choice.endsWith(".*") && pattern.startsWith(choice.slice(0, -1));
  return [...patterns.filter((pattern) => pattern !== choice && !isCovered(pattern)), choice];
}
