import { create, createFileRegistry, fromBinary, toBinary, type DescService } from "@bufbuild/protobuf";
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponse_Feature,
  CodeGeneratorResponseSchema,
  FileDescriptorSetSchema,
  type CodeGeneratorRequest,
} from "@bufbuild/protobuf/wkt";
import { buffer } from "node:stream/consumers";
import { VERSION } from "../../src/assets/version.js";
import { createDocument } from "./document.js";
import { readExamples } from "./examples.js";
import type { Document } from "./model.js";

/** The package that is described; the standard health and reflection services are not in REST. */
const PACKAGE = "signet.v1";

// A plugin of buf (plugin.proto): a request on stdin, a response with one file on stdout.
const request = fromBinary(CodeGeneratorRequestSchema, await buffer(process.stdin));
const response = create(CodeGeneratorResponseSchema, {
  supportedFeatures: BigInt(CodeGeneratorResponse_Feature.PROTO3_OPTIONAL),
  file: [{ name: "openapi.json", content: `${JSON.stringify(openApi(), null, 2)}\n` }],
});
process.stdout.write(toBinary(CodeGeneratorResponseSchema, response));

function openApi(): Document {
  return createDocument(servicesOf(request), VERSION, readExamples());
}

/** By name, so that the order of files does not matter. */
function servicesOf({ protoFile }: CodeGeneratorRequest): readonly DescService[] {
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: protoFile }));
  return [...registry]
    .filter((desc): desc is DescService => desc.kind === "service" && desc.file.proto.package === PACKAGE)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
