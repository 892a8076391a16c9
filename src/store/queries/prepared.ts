import type { Compilable, CompiledQuery, DialectAdapter, Kysely, QueryResult } from "kysely";
import type { NewRow, Schema } from "../schema.js";

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
  return preparedQuery(build, () => undefined);
}

function preparedQuery<P extends object, R>(
  build: (db: Kysely<Schema>, parameters: P) => Compilable<R>,
  onQuery: (query: object) => void,
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
    const executable = { ...query, parameters: bound };
    onQuery(executable);
    return await db.executeQuery(executable);
  };
}

/** Queries without a result. */
const deferrable = new WeakSet<object>();

/** Whether a query may be carried out later, together with the next one that is waited for: see preparedChange. */
export function isDeferrable(query: object): boolean {
  return deferrable.has(query);
}

/**
 * As `prepared`, for a change whose result is not needed. In a transaction it may be carried out later than it resolves: what it
 * then throws is thrown by a later query, or by the transaction.
 */
export function preparedChange<P extends object>(
  build: (db: Kysely<Schema>, parameters: P) => Compilable<unknown>,
): (db: Kysely<Schema>, parameters: P) => Promise<void> {
  const change = preparedQuery(build, (query) => void deferrable.add(query));
  return async (db, parameters) => void (await change(db, parameters));
}

/** As `prepared`, for the first row; undefined when there is none. */
export function preparedFirst<P extends object, R>(
  build: (db: Kysely<Schema>, parameters: P) => Compilable<R>,
): (db: Kysely<Schema>, parameters: P) => Promise<R | undefined> {
  const query = prepared(build);
  return async (db, parameters) => (await query(db, parameters)).rows[0];
}

/** An insertion of one row, as preparedChange. Every row must have the same columns. */
export function preparedInsert<Table extends keyof Schema>(
  table: Table,
): (db: Kysely<Schema>, row: NewRow<Table>) => Promise<void> {
  return preparedChange<NewRow<Table>>((db, row) => db.insertInto(table).values(row));
}

function placeholdersOf<P extends object>(parameters: P): P {
  return Object.fromEntries(Object.keys(parameters).map((name) => [name, new Placeholder(name)])) as P;
}
