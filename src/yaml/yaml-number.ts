/** A decimal number of YAML. */
const DECIMAL = /^([-+]?)0*([0-9]*)(?:(\.)([0-9]*))?(?:[eE]([-+]?[0-9]+))?$/;

/**
 * A number of YAML as JSON spells it: the same digits, and a float stays one (`1.` is `1.0`).
 *
 * @param value of the others, which are to the base 8 or 16
 */
export function jsonNumber(source: string, value: bigint | number): string {
  const [, sign, digits, point, decimals, exponent] = DECIMAL.exec(source) ?? [];
  if (digits === undefined) return value.toString();
  const fraction = point === undefined ? "" : `.${decimals === "" ? "0" : (decimals ?? "0")}`;
  return `${sign === "-" ? "-" : ""}${digits === "" ? "0" : digits}${fraction}${exponent === undefined ? "" : `e${exponent}`}`;
}
