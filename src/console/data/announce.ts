import { signal } from "@preact/signals";

/** What screen readers are told next. */
export const announcement = signal("");

/** Says something politely to screen readers: what changed without the reader's doing, or what a click has done. */
export function announce(text: string): void {
  // The same text twice is no change of the region: an invisible character makes it one.
  announcement.value = announcement.value === text ? `${text}\u00a0` : text;
}
