import pg from "pg";
import { AppError } from "../../core/error.js";

type Parse = (text: string) => unknown;

/** `bool`; `bytea`; `int8`; `int2`; `int4`; `float4`; `float8`; `numeric`: the object identifiers of PostgreSQL's pg_type.dat. */
const PARSERS: Readonly<Record<number, Parse>> = {
  16: (text) => text === "t",
  17: pg.types.getTypeParser(17, "text") as Parse,
  20: safeNumber,
  21: Number,
  23: Number,
  700: Number,
  701: Number,
  1700: safeNumber,
};

/**
 * How values of the database are read, for connections of the store alone: numbers as numbers, all else as text. There is no Date:
 * instants are kept and compared as text.
 */
export const TYPES = {
  getTypeParser: (oid: number): Parse => PARSERS[oid] ?? ((text) => text),
};

/** A number that is whole in the database stays exact; throws `internal` for one beyond 2^53. */
function safeNumber(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) || text.includes(".")) return number;
  throw new AppError("internal", "a number of the database is too large");
}
