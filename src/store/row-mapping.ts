import type { ColumnsOf, Row, Schema, SnakeCase } from "./schema.js";

type Written<Noun, Table extends keyof Schema> = Pick<ColumnsOf<Noun>, keyof ColumnsOf<Noun> & keyof Row<Table>>;

/** What a mapping has to be told, by column; the compiler asks for every one. */
type Exceptions<Noun, Table extends keyof Schema> = {
  /** A boolean is kept as 0 or 1, a list or a record as JSON text. */
  readonly [
    Field in keyof Noun & string as NonNullable<Noun[Field]> extends string | number ? never : SnakeCase<Field>
  ]: NonNullable<Noun[Field]> extends boolean ? "flag" : "json";
} & {
  /** A column that is not a field of the noun. */
  readonly [Hidden in Exclude<keyof Row<Table>, keyof ColumnsOf<Noun>>]: "hidden";
} & {
  /** A field that a query joins from another table: it is read, not written. */
  readonly [Joined in Exclude<keyof ColumnsOf<Noun>, keyof Row<Table>>]: "joined";
};

/** Reads a noun of core from its row, and writes it as one. Null stays null. */
export interface RowMapping<Noun, Table extends keyof Schema> {
  /** Columns of other tables that are no fields must be taken out of the row before. */
  readonly read: (row: ColumnsOf<Noun>) => Noun;
  readonly write: (noun: Noun) => Written<Noun, Table>;
}

/** Where a value goes, and as what; null when it is left out. */
type Target = { readonly name: string; readonly convert: (value: unknown) => unknown } | null;

const KEEP = (value: unknown) => value;
const READ = {
  flag: (value: unknown) => value === 1,
  json: (value: unknown) => JSON.parse(value as string) as unknown,
};
const WRITE = { flag: (value: unknown) => (value === true ? 1 : 0), json: (value: unknown) => JSON.stringify(value) };

/**
 * The mapping between a noun and its table, whose columns have the names of the fields in snake case.
 *
 * @param exceptions the columns that are not simply a field's text or number.
 */
export function rowMapping<Noun extends object, Table extends keyof Schema>(
  exceptions: Exceptions<Noun, Table>,
): RowMapping<Noun, Table> {
  const kinds = exceptions as Readonly<Record<string, "flag" | "json" | "hidden" | "joined" | undefined>>;
  const reading = remembered((column) => {
    const kind = kinds[column];
    if (kind === "hidden") return null;
    const name = column.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    return { name, convert: kind === undefined || kind === "joined" ? KEEP : READ[kind] };
  });
  const writing = remembered((field) => {
    const name = field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const kind = kinds[name];
    if (kind === "joined") return null;
    return { name, convert: kind === undefined || kind === "hidden" ? KEEP : WRITE[kind] };
  });
  return {
    read: (row) => converted(row, reading) as Noun,
    write: (noun) => converted(noun, writing) as Written<Noun, Table>,
  };
}

/** Names are the product's own, so there are few. */
function remembered(targetOf: (name: string) => Target): (name: string) => Target {
  const targets = new Map<string, Target>();
  return (name) => {
    const known = targets.get(name);
    if (known !== undefined) return known;
    const target = targetOf(name);
    targets.set(name, target);
    return target;
  };
}

function converted(from: object, targetOf: (name: string) => Target): object {
  const to: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(from)) {
    const target = targetOf(key);
    if (target !== null) to[target.name] = value === null ? null : target.convert(value);
  }
  return to;
}
