import pg from "pg";
import { describe, expect, it } from "vitest";
import { AppError } from "../../../src/core/error.js";
import { isConnectionLost, isRetryable, postgresError } from "../../../src/store/postgres/errors.js";

const SECRETS = { detail: "Failing row contains (SECRET).", where: "SQL SECRET", internalQuery: "SECRET" };

function serverError(code: string, more: Partial<pg.DatabaseError> = {}): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError("SECRET in a message", 1, "error"), SECRETS, { code }, more);
}

const system = (code: string) => Object.assign(new Error(`connect ${code} 10.0.0.1:5432`), { code });

describe("what a failure of PostgreSQL means", () => {
  it.each([
    ["40001", "unavailable", "the database is busy (40001)", 1, "repeat"],
    ["40P01", "unavailable", "the database is busy (40P01)", 1, "repeat"],
    ["55P03", "unavailable", "the database is busy (55P03)", 1, "repeat"],
    ["25P03", "unavailable", "the database ended a transaction that stood still (25P03)", 1, "repeat"],
    ["25006", "unavailable", "the database takes no changes: it is a standby or read-only (25006)", 5, "repeat"],
    ["57014", "unavailable", "the database took too long (57014)", 1, "tell"],
    ["57P01", "unavailable", "the database cannot be reached (57P01)", 5, "lost"],
    ["57P02", "unavailable", "the database cannot be reached (57P02)", 5, "lost"],
    ["57P03", "unavailable", "the database cannot be reached (57P03)", 5, "tell"],
    ["08006", "unavailable", "the database cannot be reached (08006)", 5, "lost"],
    ["08P01", "unavailable", "the database cannot be reached (08P01)", 5, "lost"],
    ["53300", "unavailable", "the database has too many connections (53300)", 5, "tell"],
    ["53100", "unavailable", "the disk of the database is full (53100)", 30, "tell"],
    ["28P01", "unavailable", "the database refuses the login of this server (28P01)", 30, "tell"],
    ["28000", "unavailable", "the database refuses the login of this server (28000)", 30, "tell"],
    ["3D000", "unavailable", "there is no such database (3D000)", 30, "tell"],
    ["42501", "unavailable", "the role of this server may not do this in the database (42501)", 30, "tell"],
    ["22021", "invalid", "a text has a character that the database cannot keep (NUL) (22021)", undefined, "tell"],
    ["XX001", "internal", "the database is damaged (XX001)", undefined, "tell"],
    ["23503", "internal", "the database refused a statement (23503)", undefined, "tell"],
    ["42P01", "internal", "the database refused a statement (42P01)", undefined, "tell"],
  ])("%s is %s: %s", (state, code, message, retryAfterSeconds, then) => {
    const error = serverError(state);
    const told = postgresError(error);
    expect(told).toMatchObject({ code, message, retryAfterSeconds, cause: error });
    for (const thrown of [error, told]) {
      expect([isRetryable(thrown), isConnectionLost(thrown)]).toEqual([then === "repeat", then === "lost"]);
    }
    expect(postgresError(told)).toBe(told);
  });

  it.each([
    [system("ECONNREFUSED"), "the database cannot be reached", false],
    [system("ENOTFOUND"), "the database cannot be reached", false],
    [system("ECONNRESET"), "the database cannot be reached", true],
    [system("EPIPE"), "the database cannot be reached", true],
    [system("ETIMEDOUT"), "the database cannot be reached", true],
    [new Error("Connection terminated unexpectedly"), "the database cannot be reached", true],
    [
      new Error("Client has encountered a connection error and is not queryable"),
      "the database cannot be reached",
      true,
    ],
    [new Error("Query read timeout"), "the database cannot be reached", true],
    [new Error("timeout expired"), "the database cannot be reached", false],
    [new Error("timeout exceeded when trying to connect"), "all connections to the database are in use", false],
  ])("%s is unavailable: %s", (error, message, isLost) => {
    const told = postgresError(error);
    expect(told).toMatchObject({ code: "unavailable", message, cause: error });
    expect(told.retryAfterSeconds).toBeGreaterThan(0);
    expect([isConnectionLost(error), isConnectionLost(told), isRetryable(error)]).toEqual([isLost, isLost, false]);
  });

  it.each([
    [{ detail: "Key (environment_id, version)=(SECRET, 3) already exists." }, "environment id and version"],
    [{ detail: "Schlüssel »(environment_id, version)=(SECRET, 3)« existiert bereits." }, "environment id and version"],
    [{ detail: 'Key ("position")=(a)=(b) already exists.' }, "position"],
    [{ detail: "Key (lower(slug))=(SECRET) already exists.", constraint: "bundles_slug_key" }, "slug"],
    [{ detail: "", constraint: "bundles_environment_id_version_key" }, "environment id version"],
    [{ detail: "", constraint: "bundles_pkey" }, "id"],
  ])("a value that is taken, told as %j, is a conflict by its columns", (more, columns) => {
    const told = postgresError(serverError("23505", { table: "bundles", ...more }));
    expect(told).toMatchObject({ code: "conflict", message: `bundles: there is one with the same ${columns} already` });
  });

  it("anything else is a defect, without its message", () => {
    expect(postgresError(new TypeError("SECRET"))).toMatchObject({
      code: "internal",
      message: "the database refused a statement",
    });
    expect(postgresError(undefined)).toBeInstanceOf(AppError);
    expect([isRetryable(null), isConnectionLost("x")]).toEqual([false, false]);
  });
});
