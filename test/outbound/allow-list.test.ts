import { describe, expect, it } from "vitest";
import { AppError } from "../../src/core/error.js";
import { parseAllowList } from "../../src/outbound/allow-list.js";

describe("parseAllowList", () => {
  it("opens nothing by default", () => {
    expect(parseAllowList("")).toEqual([]);
    expect(parseAllowList(" , ")).toEqual([]);
  });

  it("reads networks, addresses, names and organizations", () => {
    const id = "0b0e7d3c-3f0c-4f9e-9d5e-0a8f4c1d2e3f";
    const list = parseAllowList(
      `10.20.0.0/16, fd12::/32,127.0.0.1,Acme=hooks.internal,${id}=*.CORP.example., bücher.test`,
    );
    expect(list.map(({ org, kind }) => [org, kind])).toEqual([
      [null, "network"],
      [null, "network"],
      [null, "network"],
      ["acme", "name"],
      [id, "name"],
      [null, "name"],
    ]);
    expect(list.slice(3)).toEqual([
      { org: "acme", kind: "name", name: "hooks.internal", isWildcard: false },
      { org: id, kind: "name", name: "corp.example", isWildcard: true },
      { org: null, kind: "name", name: "xn--bcher-kva.test", isWildcard: false },
    ]);
  });

  it.each([
    ["10.0.0.1/8", "write 10.0.0.0/8"],
    ["fd12::1/32", "write fd12::/32"],
    ["10.0.0.0/33", "prefix length from 0 to 32"],
    ["10.0.0.0/", "prefix length from 0 to 32"],
    ["10.0.0.0/-1", "prefix length"],
    ["10.0.0.0/8/8", "prefix length"],
    ["10.0.0.0/255.0.0.0", "prefix length"],
    ["fd12::/129", "prefix length from 0 to 128"],
    ["10.0.0/8", "not a CIDR"],
    ["hooks.internal/8", "not a CIDR"],
    ["http://hooks.internal", "not a CIDR"],
    ["127.1", "neither"],
    ["2130706433", "neither"],
    ["0x7f.1", "neither"],
    ["*", "neither"],
    ["*.", "neither"],
    ["hooks.*", "neither"],
    ["*.*.example", "neither"],
    ["[::1]", "neither"],
    ["127.0.0.1:8080", "neither"],
    ["hooks..internal", "neither"],
    ["hooks internal", "neither"],
    ["acme=", "neither"],
    ["=10.0.0.0/8", "organization's id or slug"],
    ["a me=10.0.0.0/8", "organization's id or slug"],
    ["acme=globex=10.0.0.0/8", "not a CIDR"],
    ["fe80::1%eth0", "write the one that it leads to"],
    ["::ffff:10.0.0.0/104", "write the one that it leads to"],
    ["2002::/16", "write the one that it leads to"],
  ])("refuses %s and says which entry it is", (entry, why) => {
    const error = refusal(() => parseAllowList(`127.0.0.1,${entry},10.0.0.0/8`, "SIGNET_WEBHOOK_ALLOW"));
    expect(error.code).toBe("invalid");
    expect(error.message).toContain(`SIGNET_WEBHOOK_ALLOW: "${entry}" `);
    expect(error.message).toContain(why);
  });
});

function refusal(act: () => unknown): AppError {
  try {
    act();
  } catch (error) {
    if (error instanceof AppError) return error;
  }
  throw new Error("was not refused");
}
