import { create, fromBinary, toBinary, type DescMessage } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { FieldMaskSchema, StructSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PublishBundleRequestSchema, PruneBundlesRequestSchema } from "../../../gen/signet/v1/bundle_pb.js";
import { OperationSchema } from "../../../gen/signet/v1/options_pb.js";
import { PromotePipelineRequestSchema, UpdatePipelineRequestSchema } from "../../../gen/signet/v1/pipeline_pb.js";
import { WhoAmIRequestSchema } from "../../../gen/signet/v1/token_pb.js";
import { decodeMessage } from "../../../src/api/rpc/decode-message.js";
import { AppError } from "../../../src/core/error.js";

function refusal(desc: DescMessage, bytes: Uint8Array): string {
  try {
    decodeMessage(desc, bytes);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const [field] = error.fields;
    return field === undefined ? error.code : `${field.loc.join(".")} ${field.type}`;
  }
  return "taken";
}

const times = (count: number, ...bytes: number[]) => Uint8Array.from(Array.from({ length: count }, () => bytes).flat());
const tag = (number: number, type: WireType) => new BinaryWriter().tag(number, type);

describe("what is counted before anything is built", () => {
  it.each<[string, DescMessage, Uint8Array, string]>([
    ["unknown fields", WhoAmIRequestSchema, times(1_001, 0x78, 0), "body too_many"],
    ["empty stages", UpdatePipelineRequestSchema, times(52, 0x22, 0), "body.stage_order too_many"],
    ["targets", PromotePipelineRequestSchema, times(1_001, 0x1a, 0), "body.target_app_ids too_many"],
    ["labels", PublishBundleRequestSchema, times(65, 0x4a, 0), "body.labels too_many"],
    ["one field again and again", PublishBundleRequestSchema, times(10_001, 0x0a, 0), "body too_many"],
    [
      "fields of a map's entry",
      PublishBundleRequestSchema,
      new BinaryWriter()
        .tag(9, 2)
        .bytes(times(10_001, 0x0a, 0))
        .finish(),
      "body.labels too_many",
    ],
    [
      "fields of a message inside",
      PublishBundleRequestSchema,
      new BinaryWriter()
        .tag(10, 2)
        .bytes(times(10_001, 0x0a, 0))
        .finish(),
      "body.source too_many",
    ],
    [
      "paths of a mask",
      UpdatePipelineRequestSchema,
      new BinaryWriter()
        .tag(6, 2)
        .bytes(times(1_001, 0x0a, 0))
        .finish(),
      "body.update_mask.paths too_many",
    ],
    [
      "packed numbers",
      OperationSchema,
      new BinaryWriter().tag(8, 2).bytes(times(1_001, 0x01)).finish(),
      "body.answers too_many",
    ],
  ])("%s", (_what, desc, bytes, expected) => {
    expect(refusal(desc, bytes)).toBe(expected);
  });

  it("levels", () => {
    let bytes = new Uint8Array(0);
    for (let level = 0; level < 20; level++) {
      const value = new BinaryWriter().tag(5, 2).bytes(bytes).finish();
      const entry = new BinaryWriter().tag(1, 2).string("k").tag(2, 2).bytes(value).finish();
      bytes = Uint8Array.from(new BinaryWriter().tag(1, 2).bytes(entry).finish());
    }
    expect(refusal(StructSchema, bytes)).toMatch(/ depth$/);
  });
});

describe("what would be read from another byte on", () => {
  it.each<[string, DescMessage, Uint8Array]>([
    ["a number where a text stands", PublishBundleRequestSchema, times(1, 0x08, 5)],
    ["a text where a number stands", PruneBundlesRequestSchema, new BinaryWriter().tag(4, 2).string("ab").finish()],
    ["a length beyond the end", PublishBundleRequestSchema, times(1, 0x0a, 5, 0x61)],
    [
      "an entry that ends within its key",
      PublishBundleRequestSchema,
      times(1, 0x4a, 2, 0x0a, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    ],
    ["a message that ends within its field", PublishBundleRequestSchema, times(1, 0x52, 2, 0x0a, 2, 0x61, 0x61)],
    [
      "a packed varint that does not end",
      OperationSchema,
      new BinaryWriter()
        .tag(8, 2)
        .bytes(times(1, 1, 0x80))
        .finish(),
    ],
    ["a group", WhoAmIRequestSchema, tag(15, WireType.StartGroup).tag(15, WireType.EndGroup).finish()],
    ["the end of a group", WhoAmIRequestSchema, tag(15, WireType.EndGroup).finish()],
    ["the field number 0", WhoAmIRequestSchema, times(1, 0, 0)],
    ["broken UTF-8", PublishBundleRequestSchema, times(1, 0x0a, 1, 0xff)],
  ])("%s is malformed", (_what, desc, bytes) => {
    expect(refusal(desc, bytes)).toBe("malformed");
  });
});

it("drops the fields that the message does not have", () => {
  const bytes = new BinaryWriter().tag(1, 2).string("org").tag(1000, 0).uint32(7).finish();
  const message = decodeMessage(PublishBundleRequestSchema, bytes);
  expect(message.orgId).toBe("org");
  expect(message.$unknown).toBeUndefined();
});

it("takes as many as there may be", () => {
  const ids = Array.from({ length: 1_000 }, (_, index) => `id-${index}`);
  const message = create(PromotePipelineRequestSchema, { targetAppIds: ids });
  expect(decodeMessage(PromotePipelineRequestSchema, toBinary(PromotePipelineRequestSchema, message))).toEqual(message);
  const mask = create(FieldMaskSchema, { paths: ["a", "b"] });
  const update = create(UpdatePipelineRequestSchema, { stageOrder: [{ stageId: "s", order: 0 }], updateMask: mask });
  expect(decodeMessage(UpdatePipelineRequestSchema, toBinary(UpdatePipelineRequestSchema, update))).toEqual(update);
});

it("decodes as protobuf does, or refuses", () => {
  const value = fc.oneof(fc.constantFrom(0, 1, 2, 8, 10, 18, 66, 74, 82, 88, 127, 128), fc.nat(255));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.array(value, { maxLength: 40 }), (random, likely) => {
      for (const bytes of [random, Uint8Array.from(likely)]) {
        if (refusal(PublishBundleRequestSchema, bytes) !== "taken") continue;
        const expected = fromBinary(PublishBundleRequestSchema, bytes, { readUnknownFields: false });
        expect(decodeMessage(PublishBundleRequestSchema, bytes)).toEqual(expected);
      }
    }),
    { numRuns: 2_000 },
  );
});
