import { sql } from "kysely";
import type { MigrationDialect } from "../migrations/dialect.js";

/** SQLite's ways in a migration: AUTOINCREMENT, and triggers that abort. */
export const sqliteMigrationDialect: MigrationDialect = {
  namesLaterTables: true,

  countingId: (column) => column.primaryKey().autoIncrement(),

  async refuse(db, table, operation) {
    const message = `${table} are never ${operation === "update" ? "changed" : "deleted"}`;
    await sql`
      create trigger ${sql.id(`${table}_refuse_${operation}`)} before ${sql.raw(operation)} on ${sql.table(table)}
      begin select raise(abort, ${sql.lit(message)}); end`.execute(db);
  },

  jsonText: (column, key) => sql`json_extract(${sql.ref(column)}, ${sql.lit(`$.${key}`)})`,

  async refuseDecrease(db, table, column) {
    await sql`
      create trigger ${sql.id(`${table}_${column}_only_grows`)} before update of ${sql.id(column)} on ${sql.table(table)}
      when new.${sql.id(column)} < old.${sql.id(column)}
      begin select raise(abort, ${sql.lit(`${table}: ${column} only grows`)}); end`.execute(db);
  },
};
