import {
  DataTypeNode,
  OperationNodeTransformer,
  RawNode,
  sql,
  type ColumnDefinitionNode,
  type KyselyPlugin,
  type PluginTransformQueryArgs,
  type PluginTransformResultArgs,
} from "kysely";
import type { MigrationDialect } from "../migrations/dialect.js";

/** PostgreSQL's ways in a migration: identity columns, triggers in PL/pgSQL. */
export const postgresMigrationDialect: MigrationDialect = {
  namesLaterTables: false,

  countingId: (column) => column.primaryKey().generatedByDefaultAsIdentity(),

  async refuse(db, table, operation) {
    const name = `${table}_refuse_${operation}`;
    const message = `${table} are never ${operation === "update" ? "changed" : "deleted"}`;
    await sql`
      create function ${sql.id(name)}() returns trigger language plpgsql as ${sql.lit(raise(message))}`.execute(db);
    await sql`
      create trigger ${sql.id(name)} before ${sql.raw(operation)} on ${sql.table(table)}
      for each row execute function ${sql.id(name)}()`.execute(db);
  },

  // `json` keeps what `jsonb` refuses.
  jsonText: (column, key) => sql`(${sql.ref(column)}::json ->> ${sql.lit(key)})`,

  async refuseDecrease(db, table, column) {
    const name = `${table}_${column}_only_grows`;
    await sql`
      create function ${sql.id(name)}() returns trigger language plpgsql as
      ${sql.lit(raise(`${table}: ${column} only grows`))}`.execute(db);
    await sql`
      create trigger ${sql.id(name)} before update of ${sql.id(column)} on ${sql.table(table)}
      for each row when (new.${sql.id(column)} < old.${sql.id(column)}) execute function ${sql.id(name)}()`.execute(db);
  },
};

function raise(message: string): string {
  return `begin raise exception '${message.replaceAll("'", "''")}'; end`;
}

/**
 * The column types of the migrations as PostgreSQL has them: an `integer` of SQLite has 64 bits, its `text` sorts by code units (collation
 * "C"), and a generated column that is added is stored.
 */
export class PortableTypes implements KyselyPlugin {
  readonly #transformer = new TypeTransformer();

  transformQuery({ node }: PluginTransformQueryArgs) {
    return this.#transformer.transformNode(node);
  }

  async transformResult({ result }: PluginTransformResultArgs) {
    return result;
  }
}

const TYPES: Readonly<Record<string, string>> = { text: 'text collate "C"', integer: "bigint" };

class TypeTransformer extends OperationNodeTransformer {
  protected override transformColumnDefinition(node: ColumnDefinitionNode): ColumnDefinitionNode {
    const { dataType, generated } = node;
    const type = DataTypeNode.is(dataType) ? TYPES[dataType.dataType] : undefined;
    return {
      ...node,
      dataType: type === undefined ? dataType : RawNode.createWithSql(type),
      ...(generated?.expression === undefined ? {} : { generated: { ...generated, stored: true } }),
    };
  }
}
