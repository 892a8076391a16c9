import type { Compilable, CompiledQuery, DialectAdapter, Kysely, QueryResult } from "kysely";
import type { NewRow, Schema } from "./schema.js";

/** Stands for a parameter while a query is compiled. */
class Placeholder {
  constructor(readonly name: string) {}
}

/**
 * A query whose SQL is made once for each kind of database, for what every request or publish runs: building and compiling one
 * costs several times what SQLite needs to execute it. Parameters are values of the query; what changes its text is no parameter.
 */
export function prepared<P extends object, R>(
  build: (db: Kysely<Schema>, parameters: P) => Compilable<R>,
): (db: Kysely<Schema>, parameters: P) => Promise<QueryResult<R>> {
  const compiled = new WeakMap<DialectAdapter, CompiledQuery<R>>();
  return async (db, parameters) => {
    const { adapter } = db.getExecutor();
    let query = compiled.get(adapter);
    if (query === undefined) {
      query = build(db, placeholdersOf(parameters)).compile();
      compiled.set(adapter, query);
    }
    const values = parameters as Readonly<Record<string, unknown>>;
    const bound = query.parameters.map((it) => (it instanceof Placeholder ? values[it.name] : it));
    return await db.executeQuery({ ...query, parameters: bound });
  };
}

/** As `prepared`, for the first row; undefined when there is none. */
export function preparedFirst<P extends object, R>(
  build: (db: Kysely<Schema>, parameters: P) => Compilable<R>,
): (db: Kysely<Schema>, parameters: P) => Promise<R | undefined> {
  const query = prepared(build);
  return async (db, parameters) => (await query(db, parameters)).rows[0];
}

/** An insertion of one row. Every row must have the same columns. */
export function preparedInsert<Table extends keyof Schema>(
  table: Table,
): (db: Kysely<Schema>, row: NewRow<Table>) => Promise<void> {
  const insert = prepared<NewRow<Table>, unknown>((db, row) => db.insertInto(table).values(row));
  return async (db, row) => {
    await insert(db, row);
  };
}

function placeholdersOf<P extends object>(parameters: P): P {
  return Object.fromEntries(Object.keys(parameters).map((name) => [name, new Placeholder(name)])) as P;
}
