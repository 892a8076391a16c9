/**
 * Messages leave optional fields out where the product's nouns say null: the object without its null fields, to be spread into a
 * message's initialiser.
 */
export function withoutNulls<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}
