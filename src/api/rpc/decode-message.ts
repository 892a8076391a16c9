import { fromBinary, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { AppError, invalidField } from "../../core/error.js";
import { MAX_MESSAGE_VALUES } from "../admission/message-bounds.js";
import { planOf, type FieldPlan, type MessagePlan } from "./wire-plan.js";

/** How many messages may stand inside of each other: more than any of signet.v1. */
const MAX_DEPTH = 16;

/** Fields that the message does not have: a newer client's. They are dropped. */
const MAX_UNKNOWN_FIELDS = 1_000;

/**
 * A message from its binary form, without the fields that it does not have. The form is walked first and counted, before anything is
 * built: two bytes of it can be an object.
 *
 * @throws AppError `malformed` for what is no such message, and for groups, which proto3 does not have.
 * @throws AppError `invalid` for a list or map beyond its max_items, and for too many values in all.
 */
export function decodeMessage<T extends DescMessage>(desc: T, bytes: Uint8Array): MessageShape<T> {
  try {
    new WireCount(bytes).message(planOf(desc), bytes.byteLength, [], 1);
    return fromBinary(desc, bytes, { readUnknownFields: false });
  } catch (thrown) {
    if (thrown instanceof AppError) throw thrown;
    throw new AppError("malformed", `the body is not a valid ${desc.typeName}`, { cause: thrown });
  }
}

/**
 * Goes over a message as fromBinary does, and refuses everything after which that would read on from another byte: a wire type that is not
 * the field's, a value that reaches beyond the message around it.
 */
class WireCount {
  readonly #reader: BinaryReader;
  #values = 0;
  #unknown = 0;

  constructor(private readonly bytes: Uint8Array) {
    this.#reader = new BinaryReader(bytes);
  }

  message(plan: MessagePlan, length: number, path: readonly string[], depth: number): void {
    if (depth > MAX_DEPTH) throw invalidField(path, `more than ${MAX_DEPTH} levels`, "depth");
    const reader = this.#reader;
    const end = this.#endOf(length);
    const counts = new Map<FieldPlan, number>();
    while (reader.pos < end) {
      const [number, wireType] = reader.tag();
      const field = plan.get(number);
      this.#count(1, path);
      if (field === undefined) this.#skipUnknown(number, wireType, path);
      else this.#field(field, wireType, path, depth, counts);
    }
    if (reader.pos !== end) throw new RangeError("a field reaches beyond its message");
  }

  #field(
    field: FieldPlan,
    wireType: WireType,
    path: readonly string[],
    depth: number,
    counts: Map<FieldPlan, number>,
  ): void {
    const isPacked = field.packedBytes !== undefined && wireType === WireType.LengthDelimited;
    if (!isPacked && wireType !== field.wireType) throw new Error(`${field.name} has the wire type ${wireType}`);
    const items = isPacked ? this.#packed(field.packedBytes) : 1;
    if (field.maxItems !== undefined) {
      const count = (counts.get(field) ?? 0) + items;
      counts.set(field, count);
      if (count > field.maxItems)
        throw invalidField([...path, field.name], `must be at most ${field.maxItems}`, "too_many");
    }
    if (isPacked) this.#count(items, path);
    else if (field.inner === undefined) this.#reader.skip(wireType);
    else this.message(field.inner(), this.#reader.uint32(), [...path, field.name], depth + 1);
  }

  /** Goes over values that stand together; how many they are. */
  #packed(bytesEach: number): number {
    const reader = this.#reader;
    const length = reader.uint32();
    const end = this.#endOf(length);
    let items = length / bytesEach;
    if (bytesEach === 0) {
      items = 0;
      for (let at = reader.pos; at < end; at++) if ((this.bytes[at] ?? 0) < 0x80) items++;
      if (length > 0 && (this.bytes[end - 1] ?? 0) >= 0x80) throw new RangeError("a varint that does not end");
    } else if (!Number.isInteger(items)) throw new RangeError("a packed value that does not end");
    reader.pos = end;
    return items;
  }

  #skipUnknown(number: number, wireType: WireType, path: readonly string[]): void {
    // What is in a group would not be counted.
    if (wireType === WireType.StartGroup) throw new Error("a group");
    if (++this.#unknown > MAX_UNKNOWN_FIELDS)
      throw invalidField(path, `more than ${MAX_UNKNOWN_FIELDS} unknown fields`, "too_many");
    this.#reader.skip(wireType, number);
  }

  #endOf(length: number): number {
    const end = this.#reader.pos + length;
    if (end > this.bytes.byteLength) throw new RangeError("a length beyond the end");
    return end;
  }

  #count(values: number, path: readonly string[]): void {
    this.#values += values;
    if (this.#values <= MAX_MESSAGE_VALUES) return;
    throw invalidField(path, `the request has more than ${MAX_MESSAGE_VALUES} values`, "too_many");
  }
}
