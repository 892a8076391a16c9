import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { COMMAND_VARIABLES, fixedLimitVariables, unknownVariables } from "../../src/cli/server/unknown-variables.js";
import { SETTING_NAMES, SETTINGS } from "../../src/config/config.js";

const unknown = (names: readonly string[], declared: readonly string[] = []) =>
  unknownVariables(Object.fromEntries(names.map((name) => [name, "a value"])), new Set(declared));

describe("variables that nothing reads", () => {
  it("are found by their names", () => {
    expect(unknown(["SIGNET_RATE_LIMITS", "SIGNET_DATA", "SIGNET_ADMINTOKEN", "PATH", "signet_port"])).toEqual([
      "SIGNET_ADMINTOKEN",
      "SIGNET_RATE_LIMITS",
    ]);
  });

  it("are none of the server's, by value or by file", () => {
    const names = SETTING_NAMES.map((name) => SETTINGS[name].env);
    expect(unknown([...names, ...names.map((name) => `${name}_FILE`)])).toEqual([]);
  });

  it("are told apart when they were limits once", () => {
    expect(unknown(["SIGNET_IDLE_TIMEOUT_MS"])).toEqual([]);
    expect(fixedLimitVariables({ SIGNET_IDLE_TIMEOUT_MS: "1", SIGNET_PORT: "1" })).toEqual(["SIGNET_IDLE_TIMEOUT_MS"]);
  });

  it("are none of what commands read", () => {
    const source = join(import.meta.dirname, "../../src/cli");
    const read = readdirSync(source, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .flatMap((name) => readFileSync(join(source, name), "utf8").match(/\bSIGNET_[A-Z_]+\b/g) ?? []);
    expect(read).toEqual(expect.arrayContaining([...COMMAND_VARIABLES]));
    expect(unknown(read)).toEqual([]);
  });

  it("are none of what a declaration refers to, or Kubernetes sets", () => {
    const kubernetes = ["SIGNET_SERVICE_HOST", "SIGNET_SERVICE_PORT_HTTP", "SIGNET_PORT_8080_TCP_ADDR"];
    expect(unknown(["SIGNET_HOOK_SECRET", ...kubernetes], ["SIGNET_HOOK_SECRET"])).toEqual([]);
    expect(unknown(["SIGNET_HOOK_SECRET"])).toEqual(["SIGNET_HOOK_SECRET"]);
  });
});
