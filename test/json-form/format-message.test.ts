import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import {
  BundleSchema,
  BundleWithPoliciesSchema,
  ListDeploymentsResponseSchema,
} from "../../gen/signet/v1/bundle_pb.js";
import { formatMessage, formatMessages } from "../../src/json-form/format-message.js";

describe("formatMessage", () => {
  it("writes every field by its proto name, null for what is unset", () => {
    const bundle = create(BundleSchema, { id: "b", version: 2, labels: { zone: "a" } });
    expect(JSON.parse(formatMessage(bundle))).toEqual({
      id: "b",
      version: 2,
      policy_hash: "",
      is_active: false,
      published_by: null,
      published_at: null,
      title: null,
      description: null,
      labels: { zone: "a" },
      source: null,
      origin: "",
      media_type: "",
      deployment_id: null,
      sequence: null,
      warnings: [],
      change: null,
      activated_at: null,
      replaced_at: null,
    });
  });

  it("keeps an optional field that is set to its zero, and times as ISO 8601", () => {
    const publishedAt = timestampFromDate(new Date("2026-01-02T03:04:05.006Z"));
    const text = formatMessage(
      create(BundleSchema, { sequence: 0, title: "", publishedAt, source: { revision: "r" } }),
    );
    expect(JSON.parse(text)).toMatchObject({
      sequence: 0,
      title: "",
      published_at: "2026-01-02T03:04:05.006Z",
      source: { repository: "", revision: "r", url: "" },
    });
  });

  it("writes documents as raw JSON without touching a digit", () => {
    const text = formatMessage(create(BundleWithPoliciesSchema, { policiesJson: '{"n":1.50,"__proto__":1}' }));
    expect(text).toContain('"policies_json":{"n":1.50,"__proto__":1},"scope_policies_json":null');
  });

  it("is not broken by a document that is no JSON", () => {
    const text = formatMessage(create(BundleWithPoliciesSchema, { policiesJson: '},"id":"x"' }));
    expect(JSON.parse(text)).toMatchObject({ id: "", policies_json: '},"id":"x"' });
  });

  it("writes pages and arrays", () => {
    const page = create(ListDeploymentsResponseSchema, { data: [{ id: "d", sequence: 1 }], total: 1, limit: 25 });
    expect(JSON.parse(formatMessage(page))).toMatchObject({ data: [{ id: "d", from_version: null }], offset: 0 });
    expect(formatMessages([])).toBe("[]");
    expect(JSON.parse(formatMessages([page, page]))).toHaveLength(2);
  });
});
