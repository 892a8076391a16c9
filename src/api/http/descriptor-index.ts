import {
  toBinary,
  type DescEnum,
  type DescExtension,
  type DescFile,
  type DescMessage,
  type DescService,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

/**
 * The files of some services and everything that they import, by name, by what they define, and by what they extend. They come from
 * the generated code, so they are what is served.
 */
export class DescriptorIndex {
  private readonly files = new Map<string, DescFile>();
  private readonly symbols = new Map<string, DescFile>();
  private readonly extensions = new Map<string, Map<number, DescFile>>();
  private readonly encoded = new Map<DescFile, Uint8Array>();
  /** Full names, sorted. */
  readonly services: readonly string[];

  constructor(services: readonly DescService[]) {
    this.services = services.map(({ typeName }) => typeName).sort();
    for (const { file } of services) this.addFile(file);
  }

  file(name: string): DescFile | undefined {
    return this.files.get(name);
  }

  /** The file that defines a service, method, message, field, oneof, enum, enum value or extension, by its full name. */
  fileOfSymbol(symbol: string): DescFile | undefined {
    return this.symbols.get(symbol);
  }

  fileOfExtension(typeName: string, number: number): DescFile | undefined {
    return this.extensions.get(typeName)?.get(number);
  }

  /** Undefined when there is no such message. */
  extensionNumbers(typeName: string): readonly number[] | undefined {
    if (!this.symbols.has(typeName)) return undefined;
    return [...(this.extensions.get(typeName)?.keys() ?? [])].sort((a, b) => a - b);
  }

  /** A google.protobuf.FileDescriptorProto. */
  encode(file: DescFile): Uint8Array {
    const known = this.encoded.get(file);
    if (known !== undefined) return known;
    const bytes = toBinary(FileDescriptorProtoSchema, file.proto);
    this.encoded.set(file, bytes);
    return bytes;
  }

  private addFile(file: DescFile): void {
    const name = file.proto.name;
    if (this.files.has(name)) return;
    this.files.set(name, file);
    for (const service of file.services) {
      this.symbols.set(service.typeName, file);
      for (const method of service.methods) this.symbols.set(`${service.typeName}.${method.name}`, file);
    }
    this.addNested(file, file);
    for (const dependency of file.dependencies) this.addFile(dependency);
  }

  private addNested(file: DescFile, parent: DescFile | DescMessage): void {
    for (const message of parent.kind === "file" ? parent.messages : parent.nestedMessages)
      this.addMessage(file, message);
    for (const one of parent.kind === "file" ? parent.enums : parent.nestedEnums) this.addEnum(file, one);
    for (const one of parent.kind === "file" ? parent.extensions : parent.nestedExtensions)
      this.addExtension(file, one);
  }

  private addMessage(file: DescFile, message: DescMessage): void {
    this.symbols.set(message.typeName, file);
    for (const member of message.members) this.symbols.set(`${message.typeName}.${member.name}`, file);
    this.addNested(file, message);
  }

  private addEnum(file: DescFile, one: DescEnum): void {
    this.symbols.set(one.typeName, file);
    // A value is a sibling of its enum, not inside of it (descriptor.proto).
    const scope = one.typeName.slice(0, one.typeName.lastIndexOf(".") + 1);
    for (const value of one.values) this.symbols.set(scope + value.name, file);
  }

  private addExtension(file: DescFile, extension: DescExtension): void {
    this.symbols.set(extension.typeName, file);
    const typeName = extension.extendee.typeName;
    const numbers = this.extensions.get(typeName) ?? new Map<number, DescFile>();
    numbers.set(extension.number, file);
    this.extensions.set(typeName, numbers);
  }
}
