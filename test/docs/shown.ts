import type { Block } from "./blocks.js";

/** Says how an answer differs from what a page shows of it, or null. Shapes count: keys and types in JSON, words in text. */
export function differenceFrom(shown: Block, answer: string): string | null {
  if (shown.language === "json") {
    // Of an example with several answers the last one is shown.
    const last = answer.trim().split("\n").at(-1) ?? "";
    return jsonDifference(JSON.parse(shown.text), JSON.parse(last), "");
  }
  return textPattern(shown.text).test(answer) ? null : `not like ${shown.text}: ${answer}`;
}

/** `"…"` stands for any value; the first element of a list for each of them. */
function jsonDifference(shown: unknown, real: unknown, path: string): string | null {
  if (shown === "…") return null;
  if (Array.isArray(shown) && Array.isArray(real)) {
    if (shown.length > 0 && real.length === 0) return `${path} is empty`;
    return firstOf(real.map((element, n) => jsonDifference(shown[0], element, `${path}[${n}]`)));
  }
  if (isObject(shown) && isObject(real)) {
    const keys = [Object.keys(shown), Object.keys(real)].map((names) => names.sort().join(", "));
    if (keys[0] !== keys[1]) return `${path} has ${keys[1]}, not ${keys[0]}`;
    return firstOf(Object.keys(shown).map((key) => jsonDifference(shown[key], real[key], `${path}.${key}`)));
  }
  return kindOf(shown) === kindOf(real)
    ? null
    : `${path} is ${JSON.stringify(real)}, not like ${JSON.stringify(shown)}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}

function firstOf(differences: readonly (string | null)[]): string | null {
  return differences.find((difference) => difference !== null) ?? null;
}

/** `…` stands for anything, a number for any number, spaces for as many as there are. */
function textPattern(text: string): RegExp {
  const escaped = text.trim().replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(
    escaped
      .replaceAll("…", "[^]*")
      .replaceAll(/\d+/g, String.raw`\d+`)
      .replaceAll(/ +/g, " +"),
  );
}
