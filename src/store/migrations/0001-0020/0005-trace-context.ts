import type { Kysely, Migration } from "kysely";

/** Events know the trace of what caused them, so that their deliveries belong to it. */
export const traceContext: Migration = {
  async up(db: Kysely<unknown>) {
    for (const column of ["traceparent", "tracestate"]) {
      await db.schema.alterTable("outbox_events").addColumn(column, "text").execute();
    }
  },
};
