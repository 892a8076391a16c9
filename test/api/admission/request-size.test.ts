import { expect, it } from "vitest";
import { SERVICES } from "../../../src/api/methods/methods.js";
import { maxBodyBytesOf, maxMessageBytesOf, requireRequestLimits } from "../../../src/api/admission/request-size.js";
import { onlyMethod } from "../rest/proto-fixture.js";

const KIB = 1024;
const MIB = 1024 * KIB;
const methods = SERVICES.flatMap((service) => service.methods);

it("only documents may be as large as the setting says, and OPA's decisions 4 MiB", () => {
  const large = methods.filter((method) => maxBodyBytesOf(method, 16 * MIB) > MIB);
  const sizes = large.map((method) => [method.name, maxMessageBytesOf(method, 16 * MIB)]);
  expect(Object.fromEntries(sizes)).toEqual({
    ...{ CreateArtifact: 16 * MIB + 64 * KIB, ImportBundle: 16 * MIB + 64 * KIB, PublishBundle: 16 * MIB + 64 * KIB },
    UploadOpaLogs: 4 * MIB,
  });
});

it("most others may have 64 KiB", () => {
  const larger = methods.filter((method) => maxBodyBytesOf(method, MIB / 2) > 64 * KIB).map(({ name }) => name);
  expect(larger.sort()).toEqual([
    "CreateArtifact",
    "ImportBundle",
    "PromoteArtifact",
    "PromotePipeline",
    "PublishBundle",
    "PublishRoot",
    "ReportOpaStatus",
    "ReportStatus",
    "SendHeartbeat",
    "SendTelemetry",
    "SetPolicySchema",
    "UploadOpaLogs",
    "UploadRelease",
    "WatchBundle",
    "WatchEnvironments",
    "WatchPolicies",
  ]);
});

it("nothing is larger than the setting", () => {
  for (const method of methods) expect(maxBodyBytesOf(method, 2_000)).toBeLessThanOrEqual(2_000);
});

it("every method of signet.v1 has limits", () => {
  for (const method of methods) expect(() => requireRequestLimits(method)).not.toThrow();
});

it.each<[string, string, Parameters<typeof onlyMethod>[1], RegExp]>([
  ["a list without max_items", "repeated string names", {}, /names: a list or map of a request has no max_items/],
  ["a map without max_items", "map<string, string> labels", {}, /labels: a list or map/],
  ["a document that it does not tell", "string policies [json_text]", {}, /carries_document/],
  ["no document though it says so", "string name", { size: { carriesDocument: true } }, /carries_document/],
  [
    "two sizes",
    "string policies [json_text]",
    { size: { carriesDocument: true, maxRequestBytes: 5 } },
    /max_request_bytes beside carries_document/,
  ],
])("a server with a method with %s does not start", (_what, field, method, message) => {
  const made = onlyMethod({ Request: [field], Response: [] }, method);
  expect(() => requireRequestLimits(made)).toThrow(message);
});
