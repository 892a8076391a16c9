import { describe, expect, it } from "vitest";
import type { Environment } from "../../src/core/organization.js";
import { rowMapping } from "../../src/store/row-mapping.js";

const { read, write } = rowMapping<Environment, "environments">({
  hold: "json",
  deleted_at: "hidden",
  kept_versions: "hidden",
  skipped_sequences: "hidden",
  protected: "flag",
  active_version: "joined",
});

const ENVIRONMENT: Environment = {
  ...{ id: "e", orgId: "o", projectId: "p", name: "dev", position: 1, promotesTo: null, signingKey: "organization" },
  protected: true,
  ...{ lastPublishedAt: "2026-05-01T12:00:00.000Z", lastVersion: 3, sequence: 4, activeBundleId: "b" },
  ...{ activeVersion: 3, activeDeploymentId: "d", createdAt: "2026-05-01T12:00:00.000Z" },
  hold: { by: "sig_a", reason: "incident", since: "2026-05-01T12:00:00.000Z" },
};

describe("rowMapping", () => {
  it("names columns in snake case, writes records as JSON and leaves out what is joined", () => {
    const row = write(ENVIRONMENT);
    expect(row).toMatchObject({
      id: "e",
      org_id: "o",
      promotes_to: null,
      last_published_at: "2026-05-01T12:00:00.000Z",
    });
    expect(JSON.parse(row.hold ?? "")).toEqual(ENVIRONMENT.hold);
    expect(Object.keys(row)).not.toContain("active_version");
  });

  it("reads what it wrote, and nothing of hidden columns", () => {
    const row = { ...write(ENVIRONMENT), active_version: 3, deleted_at: null, kept_versions: 7, skipped_sequences: 0 };
    expect(read(row)).toEqual(ENVIRONMENT);
    expect(read({ ...row, hold: null })).toEqual({ ...ENVIRONMENT, hold: null });
  });

  it("keeps booleans as 0 and 1, and digits in names", () => {
    const organizations = rowMapping<{ isOperator: boolean; signatureV2: string }, "organizations">({
      is_operator: "flag",
      signature_v2: "joined",
      ...{ id: "hidden", name: "hidden", slug: "hidden", plan: "hidden", industry: "hidden", company_size: "hidden" },
      ...{ versions_per_environment: "hidden", created_at: "hidden", own_keys_since: "hidden", deleted_at: "hidden" },
    });
    expect(organizations.write({ isOperator: true, signatureV2: "s" })).toEqual({ is_operator: 1 });
    expect(organizations.read({ is_operator: 0, signature_v2: "s" })).toEqual({ isOperator: false, signatureV2: "s" });
  });
});
