import type { JsonObject } from "../../../bundle/canonical-json.js";
import { parseExactJson, printExactJson } from "../../../bundle/exact-json.js";

/** A member of an event's metadata as text: numbers as they stand there, texts without their quotes. */
export interface MetadataRow {
  readonly name: string;
  readonly value: string;
  /** Whether it is an object or a list, as JSON. */
  readonly isNested: boolean;
}

/** The members of an event's metadata, in their order; none when it is no JSON object. */
export function metadataRows(metadata: string): readonly MetadataRow[] {
  const members = objectOf(metadata);
  return Object.entries(members).map(([name, value]) => {
    const isNested = typeof value === "object" && value !== null;
    const printed = printExactJson(value, isNested ? 2 : undefined);
    return { name, isNested, value: printed.startsWith('"') ? String(value) : printed };
  });
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value = parseExactJson(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
  } catch {
    return {};
  }
}
