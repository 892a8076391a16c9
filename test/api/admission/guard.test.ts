import { expect, it } from "vitest";
import type { Operation } from "../../../gen/signet/v1/options_pb.js";
import { requireOrganization } from "../../../src/api/admission/guard.js";
import type { Principal } from "../../../src/core/token.js";

it.each([
  ["0b0c0d0e-0000-4000-8000-000000000001", "the token belongs to another organization"],
  ["default", "org_id must be the organization's UUID, not its slug or name"],
  ["Acme Inc.", "org_id must be the organization's UUID, not its slug or name"],
])("an organization called %s is not the token's, and the text says why", (orgId, text) => {
  const principal = { orgId: "0b0c0d0e-0000-4000-8000-00000000000a", isOperator: false } as Principal;
  const refuse = () => requireOrganization(principal, { operatorCrosses: false } as Operation, orgId);
  expect(refuse).toThrow(text);
  expect(refuse).toThrow(expect.objectContaining({ code: "forbidden" }));
});
