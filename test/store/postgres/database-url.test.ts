import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AppError } from "../../../src/core/error.js";
import { parseDatabaseUrl } from "../../../src/store/postgres/database-url.js";

const host = (name: string, port = 5432) => ({ host: name, port });

describe("a database's URL", () => {
  it.each([
    ["postgres://u@db", { hosts: [host("db")], user: "u", password: "", database: "u", sslMode: null }],
    ["postgresql://u:p@db:6432/signet", { hosts: [host("db", 6432)], password: "p", database: "signet" }],
    ["postgres://u%40corp:p%40%2F%3A%23@db/a%20b", { user: "u@corp", password: "p@/:#", database: "a b" }],
    ["postgres://u:a:b@db", { user: "u", password: "a:b" }],
    ["postgres://u@a,b:1,[::1]:2,[fe80::1]/d", { hosts: [host("a"), host("b", 1), host("::1", 2), host("fe80::1")] }],
    ["postgres://u@/d?host=/run/postgresql", { hosts: [host("/run/postgresql")] }],
    ["postgres://u@%2Frun%2Fpg:7/d", { hosts: [host("/run/pg", 7)] }],
    ["postgres:///?host=a,b&port=1,2&user=u&password=p&dbname=d", { hosts: [host("a", 1), host("b", 2)], user: "u" }],
    ["postgres:///d?host=a,::1&port=7&user=u", { hosts: [host("a", 7), host("::1", 7)], database: "d" }],
    ["postgres://u@a?target_session_attrs=read-write&connect_timeout=2", { connectTimeoutMs: 2000 }],
    [
      "postgres://u@a?sslmode=verify-full&sslrootcert=/ca&sslcert=/c&sslkey=/k&sslnegotiation=direct&channel_binding=require",
      {
        ...{ sslMode: "verify-full", sslRootCert: "/ca", sslCert: "/c", sslKey: "/k" },
        ...{ sslDirect: true, channelBinding: true },
      },
    ],
    ["postgres://u@a?sslmode=disable&channel_binding=prefer", { sslMode: "disable", channelBinding: false }],
    ["postgres://u@a?application_name=signet%20eu", { applicationName: "signet eu" }],
  ])("%s is read", (url, expected) => {
    expect(parseDatabaseUrl(url, "X")).toMatchObject(expected);
  });

  it.each([
    ["mysql://u@a", "must begin with postgres://"],
    ["u@a", "must begin with postgres://"],
    ["postgres://a/d", "names no user"],
    ["postgres://u@/d", "names no host"],
    ["postgres://u@a,/d", "names no host"],
    ["postgres://u:SECRET/1@a/d", "percent-encoded"],
    ["postgres://u:SECRET?1@a/d", "percent-encoded"],
    ["postgres://u:SECRET#1@a/d", "percent-encoded"],
    ["postgres://u:SECRET%@a/d", "percent-encoded"],
    ["postgres://u:SECRET%00@a/d", "percent-encoded"],
    ["postgres://u:SECRET/d", "percent-encoded"],
    ["postgres://u:SECRET:1/d", "percent-encoded"],
    ["postgres://u@a:0/d", "a port must be"],
    ["postgres://u@a:65536/d", "a port must be"],
    ["postgres://u@a:x/d", "percent-encoded"],
    ["postgres://u@::1/d", "percent-encoded"],
    ["postgres://u@a/d?sslmod=SECRET", '"sslmod", which is none of host'],
    ["postgres://u@a/d?SECRET%20=1", "has the parameter of another name"],
    ["postgres://u@a/d?sslmode=require&sslmode=disable", "sslmode twice"],
    ["postgres://u@a/d?sslmode=SECRET", "sslmode must be one of disable, prefer"],
    ["postgres://u@a/d?sslmode=allow", "sslmode must be one of disable, prefer"],
    ["postgres://u@a/d?options=-c%20x=1", '"options"'],
    ["postgres://u@a/d?host=b", "names hosts twice"],
    ["postgres://u@/d?host=a,b,c&port=1,2", "another number of ports"],
    ["postgres://u@a/d?connect_timeout=0", "connect_timeout must be 1 to 60"],
    ["postgres://u@a/d?connect_timeout=61", "connect_timeout must be 1 to 60"],
    ["postgres://u@a/d?sslcert=/c", "must be given together"],
    ["postgres://u@a/d?channel_binding=require", "needs sslmode=require"],
    ["postgres://u@a/d?sslnegotiation=direct&sslmode=prefer", "needs sslmode=require"],
    ["postgres://u@a/d?target_session_attrs=standby", "Signet writes"],
    ["postgres://u@a/d?target_session_attrs=any", "Signet writes"],
    ["postgres://u@a/d?sslmode=verify-ca&sslrootcert=system", "needs sslmode=verify-full"],
    [`postgres://u@${"a,".repeat(16)}a/d`, "more than 16 hosts"],
  ])("%s is refused, and its secrets are not told", (url, message) => {
    const refusal = refusalOf(url);
    expect(refusal?.message).toMatch(/^X: /);
    expect(refusal?.message).toContain(message);
    expect(refusal?.message).not.toContain("SECRET");
  });

  it("is what it was made of, whatever the password is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), fc.string({ minLength: 1 }), (password, database) => {
        fc.pre(!password.includes("\0") && !database.includes("\0") && password.isWellFormed());
        const url = `postgres://u:${encodeURIComponent(password)}@a/${encodeURIComponent(database)}`;
        expect(parseDatabaseUrl(url, "X")).toMatchObject({ password, database });
      }),
    );
  });

  it("with a password that nobody encoded is read or refused, and the password never told", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8 }), (password) => {
        expect(refusalOf(`postgres://u:${password}@a/d`)?.message ?? "").not.toContain(password);
      }),
    );
  });
});

function refusalOf(url: string): AppError | null {
  try {
    parseDatabaseUrl(url, "X");
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: "invalid" });
    return error as AppError;
  }
}
