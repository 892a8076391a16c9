import { ScalarType, type DescField, type DescMessage } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { maxItemsOf } from "../admission/message-bounds.js";

/** How a field stands in the binary form. */
export interface FieldPlan {
  readonly name: string;
  /** Of one value. */
  readonly wireType: WireType;
  /** Undefined for a single value. */
  readonly maxItems: number | undefined;
  /** Whether many values may stand together as bytes, and how many bytes each has: 0 for varints. Undefined when they may not. */
  readonly packedBytes: number | undefined;
  /** The fields of the message or the map's entry that it is; undefined for a scalar. */
  readonly inner: (() => MessagePlan) | undefined;
}

/** The fields of a message by number. */
export type MessagePlan = ReadonlyMap<number, FieldPlan>;

const plans = new WeakMap<DescMessage, MessagePlan>();

/** The plan of a message type; made once. */
export function planOf(desc: DescMessage): MessagePlan {
  let plan = plans.get(desc);
  if (plan === undefined) {
    plan = new Map(desc.fields.map((field) => [field.number, fieldPlan(field)]));
    plans.set(desc, plan);
  }
  return plan;
}

function fieldPlan(field: DescField): FieldPlan {
  const { name, message } = field;
  const single = { name, maxItems: undefined, packedBytes: undefined };
  const inner = message === undefined ? undefined : () => planOf(message);
  const wireType = wireTypeOf(field.scalar, inner !== undefined);
  if (field.fieldKind === "map") {
    const key = { ...single, wireType: wireTypeOf(field.mapKey, false), inner: undefined };
    const entry: MessagePlan = new Map([
      [1, key],
      [2, { ...single, wireType, inner }],
    ]);
    return { ...single, wireType: WireType.LengthDelimited, maxItems: maxItemsOf(field), inner: () => entry };
  }
  if (field.fieldKind !== "list") return { ...single, wireType, inner };
  const packedBytes = wireType === WireType.LengthDelimited ? undefined : BYTES[wireType];
  return { name, wireType, maxItems: maxItemsOf(field), packedBytes, inner };
}

const BYTES: Readonly<Partial<Record<WireType, number>>> = {
  [WireType.Varint]: 0,
  [WireType.Bit32]: 4,
  [WireType.Bit64]: 8,
};

/** What is not a varint. */
const WIRE_TYPES: Readonly<Partial<Record<ScalarType, WireType>>> = {
  [ScalarType.STRING]: WireType.LengthDelimited,
  [ScalarType.BYTES]: WireType.LengthDelimited,
  [ScalarType.FIXED32]: WireType.Bit32,
  [ScalarType.SFIXED32]: WireType.Bit32,
  [ScalarType.FLOAT]: WireType.Bit32,
  [ScalarType.FIXED64]: WireType.Bit64,
  [ScalarType.SFIXED64]: WireType.Bit64,
  [ScalarType.DOUBLE]: WireType.Bit64,
};

/** An enum has no scalar and is a varint. */
function wireTypeOf(scalar: ScalarType | undefined, isMessage: boolean): WireType {
  if (isMessage) return WireType.LengthDelimited;
  return (scalar === undefined ? undefined : WIRE_TYPES[scalar]) ?? WireType.Varint;
}
