/** `12,000`. */
export function numberText(count: number): string {
  return count.toLocaleString("en");
}

/** `1 version`, `12,000 versions`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${numberText(count)} ${count === 1 ? one : many}`;
}
