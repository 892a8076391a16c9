/**
 * A cell of a CSV file (RFC 4180), in quotes. A text that spreadsheets would take for a formula gets an apostrophe before it (OWASP, CSV
 * Injection).
 */
export function csvCell(value: string | number): string {
  const text = String(value);
  const safe = /^[=+\-@\t\r\n|%]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

/** A row with its line end. */
export function csvRow(cells: readonly (string | number)[]): string {
  return `${cells.map(csvCell).join(",")}\r\n`;
}
