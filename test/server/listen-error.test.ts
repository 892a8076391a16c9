import { describe, expect, it } from "vitest";
import { AppError } from "../../src/core/error.js";
import { listenError } from "../../src/server/listen-error.js";
import { RAISE_OPEN_FILES } from "../../src/config/open-files.js";

const flags = { host: "--host", port: "--port" };
const told = (code: string) =>
  listenError(Object.assign(new Error(`listen ${code}`), { code }), { host: "127.0.0.1", port: 80 }, flags);

describe("a server that cannot listen", () => {
  it.each([
    ["EADDRINUSE", "conflict", "port 80 of 127.0.0.1 is in use: choose another with --port"],
    ["EACCES", "invalid", "permission denied: cannot listen on port 80; choose another with --port"],
    ["EADDRNOTAVAIL", "invalid", "127.0.0.1 is not an address of this machine: choose another with --host"],
    ["EMFILE", "unavailable", `cannot open a port: too many open files: ${RAISE_OPEN_FILES}`],
    ["ENOTFOUND", "invalid", "127.0.0.1 is not an address of this machine: choose another with --host"],
  ])("because of %s says what to change", (system, code, message) => {
    const error = told(system);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code, message, cause: { code: system } });
  });

  it("for another reason says what the system said", () => {
    expect(told("EINVAL")).toMatchObject({ code: "EINVAL", message: "listen EINVAL" });
    expect(listenError("a text", { host: "h", port: 1 }, flags)).toBe("a text");
  });
});
