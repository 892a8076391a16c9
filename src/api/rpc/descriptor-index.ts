import { toBinary, type DescFile, type DescService } from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
} from "@bufbuild/protobuf/wkt";

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
    const { proto } = file;
    if (this.files.has(proto.name)) return;
    this.files.set(proto.name, file);
    const scope = proto.package === "" ? "" : `${proto.package}.`;
    for (const service of proto.service) {
      this.symbols.set(scope + service.name, file);
      for (const method of service.method) this.symbols.set(`${scope}${service.name}.${method.name}`, file);
    }
    for (const message of proto.messageType) this.addMessage(file, scope, message);
    for (const one of proto.enumType) this.addEnum(file, scope, one);
    for (const extension of proto.extension) this.addExtension(file, scope, extension);
    for (const dependency of file.dependencies) this.addFile(dependency);
  }

  private addMessage(file: DescFile, scope: string, message: DescriptorProto): void {
    this.symbols.set(scope + message.name, file);
    const inside = `${scope}${message.name}.`;
    for (const { name } of [...message.field, ...message.oneofDecl]) this.symbols.set(inside + name, file);
    for (const nested of message.nestedType) this.addMessage(file, inside, nested);
    for (const one of message.enumType) this.addEnum(file, inside, one);
    for (const extension of message.extension) this.addExtension(file, inside, extension);
  }

  /** A value is a sibling of its enum, not inside of it (descriptor.proto). */
  private addEnum(file: DescFile, scope: string, { name, value }: EnumDescriptorProto): void {
    for (const one of [name, ...value.map((each) => each.name)]) this.symbols.set(scope + one, file);
  }

  private addExtension(file: DescFile, scope: string, { name, extendee, number }: FieldDescriptorProto): void {
    this.symbols.set(scope + name, file);
    const typeName = extendee.replace(/^\./, "");
    const numbers = this.extensions.get(typeName) ?? new Map<number, DescFile>();
    numbers.set(number, file);
    this.extensions.set(typeName, numbers);
  }
}
