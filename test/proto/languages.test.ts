import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { createFileRegistry, fromBinary, type DescFile, type DescMessage } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");

/** What plain protoc would see: the folder alone, as others copy it. */
const image = execFileSync("npx", ["--no-install", "buf", "build", "proto", "--as-file-descriptor-set", "-o", "-"], {
  cwd: root,
  maxBuffer: 64 << 20,
});
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
const files = [...registry.files].filter(({ proto }) => proto.package === "signet.v1");
const messages = files.flatMap(({ messages }) => messages.flatMap(withNested));
const methods = files.flatMap(({ services }) => services.flatMap((service) => service.methods));

/** Attributes of these names cannot be written in Python, nor fields in Rust where `r#` does not help. */
const RESERVED_FIELDS = words(
  "False None True and as assert async await break class continue def del elif else except finally for from global if import in is",
  "lambda nonlocal not or pass raise return try while with yield self super crate",
);
/** Older than this rule; Python sets it by `DiffPipelineAppsRequest(**{"from": …})`. */
const KNOWN = ["DiffPipelineAppsRequest.from"];
/** As methods of a Java or Python client. */
const RESERVED_METHODS = words(
  "abstract assert boolean break byte case catch char class const continue default delete do double else enum extends final finally",
  "float for goto if implements import instanceof int interface long native new package private protected public return short static",
  "super switch synchronized this throw throws transient try void volatile while from global lambda pass print raise yield with",
);
/** As classes: PHP puts PB before them, Swift and TypeScript shadow what everybody uses. */
const RESERVED_TYPES = words(
  "abstract and array as break callable case catch class clone const continue declare default do echo else empty enum error exit",
  "extends final finally fn for foreach function global goto if implements include instanceof insteadof interface isset list match",
  "namespace new or parent print private protected public readonly require return self static string switch throw trait try type",
  "unset use var void while xor yield int float bool true false null object iterable mixed never any protocol",
);

describe("the proto files in other languages", () => {
  it("say the names that generators give the code, all in one package", () => {
    for (const { proto } of files) {
      const stem = /^signet\/v1\/(\w+)\.proto$/.exec(proto.name)?.[1] ?? "";
      expect(proto.options, proto.name).toMatchObject({
        csharpNamespace: "Signet.V1",
        goPackage: "signet.dev/proto/signet/v1;signetv1",
        javaMultipleFiles: true,
        javaOuterClassname: `${pascal(stem)}Proto`,
        javaPackage: "dev.signet.v1",
        objcClassPrefix: "SXX",
        phpMetadataNamespace: "Signet\\V1\\GPBMetadata",
        phpNamespace: "Signet\\V1",
        rubyPackage: "Signet::V1",
      });
    }
    expect(files.length).toBeGreaterThan(10);
  });

  it("name a Go package and a Java package in what they import, too", () => {
    const foreign = [...registry.files].filter(({ proto }) => proto.package !== "signet.v1");
    const bare = foreign.filter(({ proto }) => !proto.options?.goPackage || !proto.options.javaPackage);
    expect(bare.map(({ proto }) => proto.name)).toEqual([]);
  });

  it("have no field, method or message that is a reserved word", () => {
    const fields = messages.flatMap(({ name, fields }) => fields.map((field) => [`${name}.${field.name}`, field.name]));
    expect(fields.filter(([, name = ""]) => RESERVED_FIELDS.has(name)).map(([where]) => where)).toEqual(KNOWN);
    const called = methods.filter(({ localName }) => RESERVED_METHODS.has(localName));
    expect(called.map(({ name }) => name)).toEqual([]);
    const types = [...messages, ...files.flatMap(({ enums }) => enums)].map(({ name }) => name);
    expect(types.filter((name) => RESERVED_TYPES.has(name.toLowerCase()))).toEqual([]);
  });

  it("have types whose names stay apart in one package or namespace, from generated ones too", () => {
    const taken = files.flatMap((file) => [
      ...typeNames(file),
      ...file.services.flatMap(({ name }) => ofService(name)),
    ]);
    expect(repeated(taken)).toEqual([]);
  });

  it("have fields whose accessors stay apart", () => {
    const clashes = messages.flatMap((message) =>
      repeated([...accessors(message)]).map((name) => `${message.name}: ${name}`),
    );
    expect(clashes).toEqual([]);
    // C# gives a property an underscore when its class has that name.
    const own = messages.flatMap(({ name, fields }) => fields.filter((field) => pascal(field.name) === name));
    expect(own.map((field) => field.toString())).toEqual([]);
  });

  it("would find each of these", () => {
    expect(repeated(["GetX", "x", "GetX"])).toEqual(["GetX"]);
    expect(RESERVED_FIELDS.has("from")).toBe(true);
    expect(pascal("after_deployment_id")).toBe("AfterDeploymentId");
  });
});

/** In lower case: file systems of macOS and Windows tell no case, and Java writes a file for each class. */
function typeNames({ messages, enums, proto }: DescFile): readonly string[] {
  const own = [...messages, ...enums].map(({ name }) => name);
  const java = [proto.options?.javaOuterClassname ?? "", ...messages.map(({ name }) => `${name}OrBuilder`)];
  return [...own, ...java].map((name) => name.toLowerCase());
}

/** Types that grpc-go, connect-go, grpc-java and Grpc.Tools make of a service. */
function ofService(name: string): readonly string[] {
  const made = ["", "Client", "Server", "Handler", "Grpc", "Stub", "Base"].map((suffix) => `${name}${suffix}`);
  return [...made, `Unimplemented${name}Server`, `Unimplemented${name}Handler`].map((each) => each.toLowerCase());
}

/** Go's fields and getters, and what Java has beside them for lists, maps and texts. */
function* accessors({ fields, oneofs }: DescMessage): Generator<string> {
  for (const { name } of oneofs) if (!name.startsWith("_")) yield pascal(name);
  for (const field of fields) {
    const name = pascal(field.name);
    yield name;
    yield `Get${name}`;
    if (field.fieldKind === "list") yield* [`${name}List`, `${name}Count`];
    if (field.fieldKind === "map") yield* [`${name}Map`, `${name}Count`];
    if (field.fieldKind === "scalar" && typeof field.getDefaultValue() !== "number") yield `${name}Bytes`;
    if (field.fieldKind === "enum") yield `${name}Value`;
    if (field.fieldKind === "message") yield `${name}Builder`;
  }
}

function withNested(message: DescMessage): readonly DescMessage[] {
  return [message, ...message.nestedMessages.flatMap(withNested)];
}

function repeated(names: readonly string[]): readonly string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}

function pascal(name: string): string {
  return name.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function words(...lines: readonly string[]): ReadonlySet<string> {
  return new Set(lines.join(" ").split(" "));
}
