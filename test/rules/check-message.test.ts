import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { CreateArtifactRequestSchema } from "../../gen/signet/v1/artifact_pb.js";
import {
  ActivateBundleRequestSchema,
  BundleService,
  ListBundlesRequestSchema,
  PruneBundlesRequestSchema,
  PublishBundleRequestSchema,
} from "../../gen/signet/v1/bundle_pb.js";
import {
  CreateEnvironmentRequestSchema,
  CreateOrganizationRequestSchema,
  CreateProjectRequestSchema,
  UpdateEnvironmentRequestSchema,
  UpdateOrganizationRequestSchema,
} from "../../gen/signet/v1/organization_pb.js";
import {
  CreatePipelineRequestSchema,
  CreatePipelineStageRequestSchema,
  PromotePipelineRequestSchema,
  UpdatePipelineRequestSchema,
} from "../../gen/signet/v1/pipeline_pb.js";
import { ReportStatusRequestSchema, WatchBundleRequestSchema } from "../../gen/signet/v1/runtime_pb.js";
import {
  CreateAdminTokenRequestSchema,
  CreateRuntimeTokenRequestSchema,
  RotateTokenRequestSchema,
} from "../../gen/signet/v1/token_pb.js";
import { placesOf } from "../../src/api/admission/guard.js";
import { FieldErrors } from "../../src/core/field-errors.js";
import { checkMessage } from "../../src/rules/check-message.js";

const NOBODY = "00000000-0000-4000-8000-000000000000";
const labels = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`l${n}`, "v"]));

/** What is refused of a message, as `loc: type`. */
function refusedOf<D extends DescMessage>(desc: D, init: MessageInitShape<D>): readonly string[] {
  const errors = new FieldErrors();
  checkMessage(desc, create(desc, init), () => "body", errors);
  return errors.found.map(({ loc, type }) => `${loc.slice(1).join(".")}: ${type}`);
}

/** One refused field of a message that is good without it. */
function refusal<D extends DescMessage>(desc: D, good: MessageInitShape<D>, what: string) {
  return (init: MessageInitShape<D>, refused: string) =>
    [
      what,
      () => refusedOf(desc, { ...(good as object), ...(init as object) } as MessageInitShape<D>),
      refused,
    ] as const;
}

const organization = refusal(CreateOrganizationRequestSchema, { name: "o" }, "an organization");
const change = refusal(UpdateOrganizationRequestSchema, {}, "its change");
const project = refusal(CreateProjectRequestSchema, { name: "p" }, "a project");
const environment = refusal(CreateEnvironmentRequestSchema, { name: "dev" }, "an environment");
const admin = refusal(CreateAdminTokenRequestSchema, {}, "a token");
const runtime = refusal(CreateRuntimeTokenRequestSchema, { projectId: "p", environmentId: "e" }, "a runtime token");
const publish = refusal(PublishBundleRequestSchema, { policies: "{}" }, "a publish");
const artifact = refusal(CreateArtifactRequestSchema, { projectId: "p", policies: "{}" }, "an artifact");
const pipeline = refusal(CreatePipelineRequestSchema, { displayName: "p", type: "trunk" }, "a pipeline");
const reorder = refusal(UpdatePipelineRequestSchema, { id: NOBODY }, "an order of stages");
const stage = refusal(CreatePipelineStageRequestSchema, { id: NOBODY, displayName: "s", insertBefore: 0 }, "a stage");
const promotion = refusal(
  PromotePipelineRequestSchema,
  { id: NOBODY, sourceAppId: NOBODY, targetAppIds: [NOBODY] },
  "a promotion",
);
const report = refusal(ReportStatusRequestSchema, { instanceId: "i", state: "applied", sequence: 1 }, "a report");
const rotation = refusal(RotateTokenRequestSchema, {}, "a rotation");
const prune = refusal(PruneBundlesRequestSchema, {}, "a prune");

describe("the rules of a request's fields", () => {
  it.each([
    organization({ name: "" }, "name: too_short"),
    organization({ name: " \t" }, "name: too_short"),
    organization({ name: "n".repeat(256) }, "name: too_long"),
    organization({ plan: "" }, "plan: too_short"),
    organization({ adminTokenSha256: "AB".repeat(32) }, "admin_token_sha256: pattern"),
    organization({ adminTokenName: "n".repeat(101) }, "admin_token_name: too_long"),
    change({ industry: "a\u0007" }, "industry: control_character"),
    change({ signingKey: "server" }, "signing_key: enum"),
    change({ updateMask: { paths: ["name", "industry"] } }, "name: missing"),
    change({ updateMask: { paths: ["signing_key"] } }, "signing_key: missing"),
    project({ name: "a\u0000" }, "name: control_character"),
    project({ environments: ["dev", "Prod"] }, "environments.1: pattern"),
    project({ environments: new Array<string>(101).fill("e") }, "environments: too_many"),
    environment({ name: "" }, "name: missing"),
    environment({ position: 1_000_001 }, "position: range"),
    environment({ signingKey: "" }, "signing_key: enum"),
    admin({ name: " " }, "name: too_short"),
    admin({ name: "n".repeat(101) }, "name: too_long"),
    admin({ expiresInDays: 0 }, "expires_in_days: range"),
    admin({ expiresInDays: 3651 }, "expires_in_days: range"),
    runtime({ projectId: "" }, "project_id: too_short"),
    [
      "a runtime token",
      () => refusedOf(CreateRuntimeTokenRequestSchema, { projectId: "p" }),
      "environment_id: missing",
    ] as const,
    rotation({ graceSeconds: 604_801 }, "grace_seconds: range"),
    ["a publish", () => refusedOf(PublishBundleRequestSchema, {}), "policies: missing"] as const,
    publish({ title: "😀".repeat(256) }, "title: too_long"),
    publish({ title: "a\u0000b" }, "title: control_character"),
    publish({ title: "\ud800" }, "title: lone_surrogate"),
    publish({ description: "\u001b[31m" }, "description: control_character"),
    publish({ publishedBy: "\u007f" }, "published_by: control_character"),
    publish({ source: { url: "\u009b" } }, "source.url: control_character"),
    publish({ labels: labels(65) }, "labels: too_many"),
    publish({ labels: { "": "v" } }, "labels.: too_short"),
    publish({ labels: { ["k".repeat(64)]: "" } }, `labels.${"k".repeat(64)}: too_long`),
    publish({ labels: { k: "v".repeat(256) } }, "labels.k: too_long"),
    publish({ labels: { ["__proto__"]: "v" } }, "labels.__proto__: prototype_key"),
    artifact({ projectId: "" }, "project_id: too_short"),
    artifact({ name: "x".repeat(256) }, "name: too_long"),
    pipeline({ displayName: " " }, "display_name: too_short"),
    pipeline({ type: "" }, "type: missing"),
    pipeline({ type: "tree" }, "type: enum"),
    reorder({ id: "x" }, "id: uuid"),
    reorder({ stageOrder: [{ stageId: "dev", order: 0 }] }, "stage_order.0.stage_id: uuid"),
    reorder({ stageOrder: [{ stageId: NOBODY }] }, "stage_order.0.order: missing"),
    reorder({ updateMask: { paths: ["type"] } }, "type: missing"),
    reorder({ displayName: "" }, "display_name: too_short"),
    stage({ insertBefore: 51 }, "insert_before: range"),
    [
      "a stage",
      () => refusedOf(CreatePipelineStageRequestSchema, { id: NOBODY, displayName: "s" }),
      "insert_before: missing",
    ] as const,
    promotion({ sourceAppId: "" }, "source_app_id: missing"),
    promotion({ targetAppIds: [] }, "target_app_ids: too_short"),
    promotion({ targetAppIds: [NOBODY, "prod"] }, "target_app_ids.1: uuid"),
    promotion({ targetAppIds: new Array<string>(1001).fill(NOBODY) }, "target_app_ids: too_many"),
    report({ instanceId: "" }, "instance_id: too_short"),
    report({ instanceId: "n".repeat(129) }, "instance_id: too_long"),
    report({ state: "connected" }, "state: enum"),
    prune({ keepNewest: 0 }, "keep_newest: range"),
  ])("refuse %s: %#", (_what, refused, expected) => {
    expect(refused()).toEqual([expected]);
  });

  it.each([
    ["a title of 255 characters outside of the BMP", { title: "😀".repeat(255) }],
    ["a description with line breaks and tabs", { description: "one\n\ttwo\r\n" }],
    ["64 labels", { labels: labels(64) }],
    ["a label of 63 and 255 characters", { labels: { ["k".repeat(63)]: "v".repeat(255) } }],
    ["a label without a value", { labels: { team: "" } }],
    ["texts that are empty", { title: "", description: "", source: { url: "" } }],
  ])("take %s", (_what, init) => {
    expect(refusedOf(PublishBundleRequestSchema, { policies: "{}", ...init })).toEqual([]);
  });

  it("take what is cleared where it can be, and what is absent", () => {
    const paths = ["promotes_to"];
    expect(refusedOf(UpdateEnvironmentRequestSchema, { envName: "dev", updateMask: { paths } })).toEqual([]);
    expect(refusedOf(WatchBundleRequestSchema, {})).toEqual([]);
    expect(refusedOf(ActivateBundleRequestSchema, { version: 1, reason: "" })).toEqual([]);
    expect(refusedOf(ReportStatusRequestSchema, { instanceId: "i", state: "rejected" })).toEqual([]);
  });

  it.each(["a", "0", "dev", "eu-west-1", "a-", "a".repeat(63)])("take the environment %j", (name) => {
    expect(refusedOf(CreateEnvironmentRequestSchema, { name })).toEqual([]);
  });

  it.each(["-a", "A", "a_b", "a.b", "a/b", "a:b", "*", "a\n", "\na", "é", "a b", "a".repeat(64)])(
    "refuse the environment %j",
    (name) => expect(refusedOf(CreateEnvironmentRequestSchema, { name })).toEqual(["name: pattern"]),
  );

  it.each([
    ["a line break", "a\nb", "invisible_character"],
    ["C1", "a\u009bb", "control_character"],
    ["a bidi override", "a\u202eb", "invisible_character"],
    ["a zero-width space", "prod\u200b", "invisible_character"],
    ["a tag character", "prod\u{e0041}", "invisible_character"],
    ["a lone surrogate", "a\ud800", "lone_surrogate"],
  ])("refuse names with %s", (_what, name, type) => {
    for (const desc of [CreateOrganizationRequestSchema, CreateProjectRequestSchema, CreateAdminTokenRequestSchema])
      expect(refusedOf(desc as DescMessage, { name })).toEqual([`name: ${type}`]);
    expect(refusedOf(CreatePipelineRequestSchema, { displayName: name, type: "trunk" })).toEqual([
      `display_name: ${type}`,
    ]);
  });

  it("leave names in NFC and UUIDs in lower case", () => {
    const request = create(CreatePipelineStageRequestSchema, {
      id: "ABCDEF01-0000-4000-8000-000000000000",
      displayName: "Cafe\u0301 ❤",
      insertBefore: 0,
    });
    checkMessage(CreatePipelineStageRequestSchema, request, () => "body", new FieldErrors());
    expect(request).toMatchObject({ id: "abcdef01-0000-4000-8000-000000000000", displayName: "Café ❤" });
  });

  it("are told with the place that REST has the field in", () => {
    const placeOf = placesOf(BundleService.method.listBundles);
    const { envName, limit } = ListBundlesRequestSchema.field;
    expect([placeOf(envName), placeOf(limit)]).toEqual(["path", "query"]);
    const publishing = placesOf(BundleService.method.publishBundle);
    expect(publishing(PublishBundleRequestSchema.field.title)).toBe("body");
  });
});
