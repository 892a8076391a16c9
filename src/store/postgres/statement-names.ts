/** Statements that have a name. Each costs the server some tens of KiB on each connection that has run it. */
const MAX_NAMED = 300;
/** Lists make as many statements as they have lengths. */
const LIST = /\bin \(\$/;

const names = new Map<string, string>();

/**
 * The name under which a statement is prepared, so that the server parses and plans it once for each connection: half of what a publish costs
 * there. Undefined for statements that are many. Names are of this process, and mean the same on all of its connections.
 */
export function statementName(sql: string): string | undefined {
  const known = names.get(sql);
  if (known !== undefined) return known;
  if (names.size >= MAX_NAMED || LIST.test(sql)) return undefined;
  const name = `signet_${names.size + 1}`;
  names.set(sql, name);
  return name;
}
