import { describe, expect, it } from "vitest";
import type { Operation } from "../../../gen/signet/v1/options_pb.js";
import { organizationOf } from "../../../src/api/admission/guard.js";
import type { Principal } from "../../../src/core/token.js";

const OWN = "0b0c0d0e-0000-4000-8000-00000000000a";
const OTHER = "0b0c0d0e-0000-4000-8000-000000000001";

/** Two organizations: the token's `own`, and `other`, which is looked at only across all. */
const names = {
  organizationId: async (_principal: Principal, text: string, acrossAll: boolean) =>
    text === "own" ? OWN : text === "other" && acrossAll ? OTHER : undefined,
  projectId: async () => undefined,
};
const idOf = (text: string, crosses = false) =>
  organizationOf(
    { orgId: OWN, isOperator: crosses } as Principal,
    { operatorCrosses: crosses } as Operation,
    text,
    names,
  );

describe("the organization of a request", () => {
  it.each([
    ["its id", OWN, OWN],
    ["its id in upper case", OWN.toUpperCase(), OWN],
    ["its slug", "own", OWN],
  ])("is found by %s", async (_by, text, id) => {
    expect(await idOf(text)).toBe(id);
  });

  it.each([
    ["another id", OTHER, "forbidden", "the token belongs to another organization"],
    ["the slug of another one", "other", "not_found", "organization not found"],
    ["a slug of none", "none", "not_found", "organization not found"],
    ["nothing", "", "invalid", "org_id: is required"],
  ])("is refused by %s", async (_by, text, code, message) => {
    await expect(idOf(text)).rejects.toMatchObject({ code, message });
  });

  it.each([OTHER, "other"])("may be another one for an operator: %s", async (text) => {
    expect(await idOf(text, true)).toBe(OTHER);
    await expect(idOf("none", true)).rejects.toMatchObject({ code: "not_found" });
  });
});
