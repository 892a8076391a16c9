import { create, type DescField, type DescMessage, type Message } from "@bufbuild/protobuf";
import { FieldMaskSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";

/** A message whose type is known only by its descriptor. */
type AnyMessage = Message & Record<string, unknown>;

const namesOf = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();

/** The field of that proto name, which is its name in REST (api.md, "JSON"). */
export function fieldNamed(message: DescMessage, name: string): DescField | undefined {
  let names = namesOf.get(message);
  if (names === undefined) {
    names = new Map(message.fields.map((field) => [field.name, field]));
    namesOf.set(message, names);
  }
  return names.get(name);
}

/** The value of a field as it is kept in the message; undefined when it has presence and is not set. */
export function getField(message: Message, field: DescField): unknown {
  const fields = message as AnyMessage;
  if (field.oneof === undefined) return fields[field.localName];
  const choice = fields[field.oneof.localName] as { case?: string; value?: unknown };
  return choice.case === field.localName ? choice.value : undefined;
}

/** Sets a field to a value in the form that the message keeps it. */
export function setField(message: Message, field: DescField, value: unknown): void {
  const fields = message as AnyMessage;
  if (field.oneof === undefined) fields[field.localName] = value;
  else fields[field.oneof.localName] = { case: field.localName, value };
}

/** Sets a field inside of nested messages, making those that are not there. */
export function setNested(message: Message, path: readonly DescField[], value: unknown): void {
  const [field, ...inner] = path;
  if (field === undefined) return;
  if (inner.length === 0) return setField(message, field, value);
  if (field.fieldKind !== "message") throw new Error(`${field.name} is not a message`);
  const nested = (getField(message, field) as Message | undefined) ?? create(field.message);
  setField(message, field, nested);
  setNested(nested, inner, value);
}

/** Whether a message is google.protobuf.Timestamp. */
export function isTimestamp(message: DescMessage | undefined): boolean {
  return message?.typeName === TimestampSchema.typeName;
}

/** Whether a message is google.protobuf.FieldMask. */
export function isFieldMask(message: DescMessage | undefined): boolean {
  return message?.typeName === FieldMaskSchema.typeName;
}
