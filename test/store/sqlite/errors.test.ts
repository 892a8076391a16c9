import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { AppError } from "../../../src/core/error.js";
import { sqliteError } from "../../../src/store/sqlite/errors.js";

describe("sqliteError", () => {
  it.each([
    ["SQLITE_CONSTRAINT_UNIQUE", "UNIQUE constraint failed: projects.org_id, projects.slug", "conflict"],
    ["SQLITE_CONSTRAINT_PRIMARYKEY", "UNIQUE constraint failed: organizations.id", "conflict"],
    ["SQLITE_BUSY", "database is locked", "unavailable"],
    ["SQLITE_BUSY_SNAPSHOT", "database is locked", "unavailable"],
    ["SQLITE_FULL", "database or disk is full", "unavailable"],
    ["SQLITE_READONLY", "attempt to write a readonly database", "unavailable"],
    ["SQLITE_READONLY_DIRECTORY", "attempt to write a readonly database", "unavailable"],
    ["SQLITE_IOERR_WRITE", "disk I/O error", "unavailable"],
    ["SQLITE_CANTOPEN", "unable to open database file", "unavailable"],
    ["SQLITE_CONSTRAINT_FOREIGNKEY", "FOREIGN KEY constraint failed", "internal"],
    ["SQLITE_CONSTRAINT_TRIGGER", "bundles are never changed", "internal"],
    ["SQLITE_NOTADB", "file is not a database", "internal"],
    ["SQLITE_CORRUPT", "database disk image is malformed", "internal"],
    ["SQLITE_ERROR", 'near "selekt": syntax error', "internal"],
  ])("of %s has its code, the cause, and nothing of the statement", (code, text, expected) => {
    const cause = new Database.SqliteError(text, code);
    const error = sqliteError(cause);
    expect(error).toMatchObject({ code: expected });
    expect(error.cause).toBe(cause);
    expect(error.message.replace(`(${code})`, "")).not.toMatch(/select|constraint|sqlite/i);
    expect(error.message).toContain(code.includes("UNIQUE") || code.includes("PRIMARYKEY") ? "same" : `(${code})`);
  });

  it("names what is taken", () => {
    const cause = new Database.SqliteError(
      "UNIQUE constraint failed: projects.org_id, projects.slug",
      "SQLITE_CONSTRAINT_UNIQUE",
    );
    expect(sqliteError(cause).message).toBe("projects: there is one with the same org id and slug already");
  });

  it("keeps an AppError and takes anything else for a defect", () => {
    const known = new AppError("conflict", "c");
    expect(sqliteError(known)).toBe(known);
    const cause = new TypeError("can only bind numbers");
    expect(sqliteError(cause)).toMatchObject({ code: "internal", cause });
  });
});
