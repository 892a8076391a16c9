/** From here on, and below {@link SMALL}, Python prints a float with an exponent. */
const LARGE = 1e16;
const SMALL = 1e-4;

/**
 * A JSON number as Python reads and prints it. Its kind is that of the literal: without point and exponent an integer, which keeps its
 * digits (`-0` is `0`); else a float, printed as repr does: `1.0`, `100.0` for `1e2`, `1e-05`, `1e+21`.
 *
 * @param literal a number by RFC 8259's grammar, in which {@link numberFlaw} finds nothing
 */
export function canonicalNumber(literal: string): string {
  if (!/[.eE]/.test(literal)) return literal === "-0" ? "0" : literal;
  const value = Number(literal);
  const size = Math.abs(value);
  // Both languages print the shortest digits that read back; only when and how they write an exponent differs.
  if (size !== 0 && (size < SMALL || size >= LARGE)) return value.toExponential().replace(/([+-])(\d)$/, "$10$2");
  const plain = Object.is(value, -0) ? "-0" : String(value);
  return plain.includes(".") ? plain : `${plain}.0`;
}
