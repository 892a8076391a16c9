/** What the field of a quota says: a number, null for an empty one, or why it is none. */
export function parseQuota(text: string): { readonly value: number | null } | { readonly error: string } {
  const trimmed = text.trim();
  if (trimmed === "") return { value: null };
  const value = /^\d{1,10}$/.test(trimmed) ? Number(trimmed) : 0;
  if (value < 1 || value > 4_294_967_295) return { error: "A whole number from 1, or nothing for no limit." };
  return { value };
}
