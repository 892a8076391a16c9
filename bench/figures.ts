/** What is made of many measured values. */

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** @param part 0 to 1; 1 is the largest */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
}

export function rounded(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}

/** Milliseconds of a clock that the processes of one machine share. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** A positive whole number from the environment. */
export function numberFrom(name: string, fallback: number): number {
  const text = process.env[name] ?? String(fallback);
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`${name} must be a positive whole number, not "${text}"`);
  return Number(text);
}
