import {
  create,
  createFileRegistry,
  setExtension,
  type DescMethod,
  type DescService,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import {
  DescriptorProtoSchema,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  FieldOptionsSchema,
  file_google_protobuf_any,
  file_google_protobuf_descriptor,
  file_google_protobuf_field_mask,
  file_google_protobuf_timestamp,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MessageOptionsSchema,
  MethodDescriptorProtoSchema,
  MethodOptionsSchema,
  OneofDescriptorProtoSchema,
  type DescriptorProto,
} from "@bufbuild/protobuf/wkt";
import { file_google_api_annotations, http } from "../../../gen/google/api/annotations_pb.js";
import { file_google_api_http, HttpRuleSchema } from "../../../gen/google/api/http_pb.js";
import { file_google_api_httpbody } from "../../../gen/google/api/httpbody_pb.js";
import {
  field as fieldOption,
  FieldRulesSchema,
  file_signet_v1_options,
  operation,
  OperationSchema,
  Scope,
} from "../../../gen/signet/v1/options_pb.js";

export type Rule = MessageInitShape<typeof HttpRuleSchema>;

export interface MethodFixture {
  readonly name?: string;
  readonly input?: string;
  readonly output?: string;
  readonly rule?: Rule;
  readonly operation?: boolean;
  /** Of the operation: how large a request may be. */
  readonly size?: { readonly maxRequestBytes?: number; readonly carriesDocument?: boolean };
  /** Of the operation. */
  readonly mediaType?: string;
  readonly clientStreaming?: boolean;
  readonly serverStreaming?: boolean;
}

const LIBRARY = [
  file_google_protobuf_descriptor,
  file_google_protobuf_timestamp,
  file_google_protobuf_field_mask,
  file_google_protobuf_any,
  file_google_api_http,
  file_google_api_annotations,
  file_google_api_httpbody,
  file_signet_v1_options,
];

/**
 * A service made here, for what signet.v1 does not have. Each field is a line of proto without its number:
 * `optional uint32 limit`, `repeated Item items`, `map<string, string> labels`, `string text [json_text]`, `choice: string a` for a
 * member of the oneof "choice". The enum `Color` (COLOR_UNSPECIFIED, RED, GREEN) is always there.
 */
export function service(
  messages: Readonly<Record<string, readonly string[]>>,
  methods: readonly MethodFixture[],
): DescService {
  const file = create(FileDescriptorProtoSchema, {
    name: "fixture.proto",
    package: "fixture",
    syntax: "proto3",
    dependency: LIBRARY.map(({ proto }) => proto.name),
    enumType: [
      {
        name: "Color",
        value: ["COLOR_UNSPECIFIED", "RED", "GREEN"].map((name, number) => ({ name, number })),
      },
    ],
    messageType: Object.entries(messages).map(([name, fields]) => message(name, fields)),
    service: [{ name: "Fixture", method: methods.map(method) }],
  });
  const registry = createFileRegistry(
    create(FileDescriptorSetSchema, { file: [...LIBRARY.map(({ proto }) => proto), file] }),
  );
  const made = registry.getService("fixture.Fixture");
  if (made === undefined) throw new Error("the fixture has no service");
  return made;
}

export function onlyMethod(messages: Readonly<Record<string, readonly string[]>>, fixture: MethodFixture): DescMethod {
  const [first] = service(messages, [fixture]).methods;
  if (first === undefined) throw new Error("the fixture has no method");
  return first;
}

function method(fixture: MethodFixture, index: number) {
  const options = create(MethodOptionsSchema);
  if (fixture.rule !== undefined) setExtension(options, http, create(HttpRuleSchema, fixture.rule));
  if (fixture.operation !== false) {
    const value = create(OperationSchema, {
      id: `op${index}`,
      scope: Scope.ANY,
      successStatus: 200,
      mediaType: fixture.mediaType ?? "",
      ...fixture.size,
    });
    setExtension(options, operation, value);
  }
  return create(MethodDescriptorProtoSchema, {
    name: fixture.name ?? `Method${index}`,
    inputType: `.fixture.${fixture.input ?? "Request"}`,
    outputType: `.fixture.${fixture.output ?? "Response"}`,
    clientStreaming: fixture.clientStreaming ?? false,
    serverStreaming: fixture.serverStreaming ?? false,
    options,
  });
}

function message(name: string, lines: readonly string[]): DescriptorProto {
  const made = create(DescriptorProtoSchema, { name });
  for (const [index, line] of lines.entries()) addField(made, line, index + 1);
  // proto3 optional is a oneof of one, after the real ones.
  for (const field of made.field.filter((candidate) => candidate.proto3Optional)) {
    field.oneofIndex = made.oneofDecl.push(create(OneofDescriptorProtoSchema, { name: `_${field.name}` })) - 1;
  }
  return made;
}

const LINE =
  /^(?:(?<oneof>\w+): )?(?<label>optional |repeated )?(?:map<(?<key>\w+), (?<value>[\w.]+)>|(?<type>[\w.]+)) (?<name>\w+)(?: \[(?<rule>\w+)\])?$/;

function addField(made: DescriptorProto, line: string, number: number): void {
  const groups = LINE.exec(line)?.groups;
  if (groups === undefined) throw new Error(`not a field: ${line}`);
  const { oneof, label, key, value, type = "", name = "", rule } = groups;
  const field = create(FieldDescriptorProtoSchema, {
    name,
    number,
    label: FieldDescriptorProto_Label.OPTIONAL,
    proto3Optional: label === "optional ",
    ...typeOf(type),
  });
  if (label === "repeated ") field.label = FieldDescriptorProto_Label.REPEATED;
  if (key !== undefined && value !== undefined) {
    const entry = `${name.replace(/(?:^|_)(\w)/g, (_all, letter: string) => letter.toUpperCase())}Entry`;
    const nested = message(entry, [`${key} key`, `${value} value`]);
    nested.options = create(MessageOptionsSchema, { mapEntry: true });
    made.nestedType.push(nested);
    field.type = FieldDescriptorProto_Type.MESSAGE;
    field.typeName = `.fixture.${made.name}.${entry}`;
    field.label = FieldDescriptorProto_Label.REPEATED;
  }
  if (oneof !== undefined) {
    let index = made.oneofDecl.findIndex((declared) => declared.name === oneof);
    if (index < 0) index = made.oneofDecl.push(create(OneofDescriptorProtoSchema, { name: oneof })) - 1;
    field.oneofIndex = index;
  }
  if (rule !== undefined) {
    field.options = create(FieldOptionsSchema);
    const rules = { jsonText: rule === "json_text", nullIsEmpty: rule === "null_is_empty" };
    setExtension(field.options, fieldOption, create(FieldRulesSchema, rules));
  }
  made.field.push(field);
}

function typeOf(name: string): { type?: FieldDescriptorProto_Type; typeName?: string } {
  if (name === "") return {};
  const scalar = FieldDescriptorProto_Type[name.toUpperCase() as keyof typeof FieldDescriptorProto_Type];
  if (scalar !== undefined) return { type: scalar };
  if (name === "Color") return { type: FieldDescriptorProto_Type.ENUM, typeName: ".fixture.Color" };
  const typeName = name.includes(".") ? `.${name}` : `.fixture.${name}`;
  return { type: FieldDescriptorProto_Type.MESSAGE, typeName };
}
