import { readFileSync } from "node:fs";
import {
  create,
  createFileRegistry,
  fromBinary,
  setExtension,
  type DescMessage,
  type DescService,
  type FileRegistry,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema, MethodOptionsSchema, type FileDescriptorSet } from "@bufbuild/protobuf/wkt";
import { operation, OperationSchema, Scope } from "../gen/signet/v1/options_pb.js";

const PACKAGE = "connectrpc.conformance.v1";

/** The suite's messages and its service, from the image that `buf build` made of its proto files. */
export class ConformanceTypes {
  private constructor(private readonly registry: FileRegistry) {}

  static read(imageFile: string): ConformanceTypes {
    const files = fromBinary(FileDescriptorSetSchema, readFileSync(imageFile));
    addOperations(files);
    return new ConformanceTypes(createFileRegistry(files));
  }

  message(name: string): DescMessage {
    const found = this.registry.getMessage(`${PACKAGE}.${name}`);
    if (found === undefined) throw new Error(`the suite has no message ${name}`);
    return found;
  }

  get service(): DescService {
    const found = this.registry.getService(`${PACKAGE}.ConformanceService`);
    if (found === undefined) throw new Error("the suite has no ConformanceService");
    return found;
  }
}

/** Without the option that says who may call it, Signet mounts no method. */
function addOperations(files: FileDescriptorSet): void {
  for (const method of files.file.flatMap(({ service }) => service).flatMap((service) => service.method)) {
    method.options ??= create(MethodOptionsSchema);
    const id = `conformance${method.name}`;
    setExtension(method.options, operation, create(OperationSchema, { id, scope: Scope.ANY, successStatus: 200 }));
  }
}
