import { readFile } from "node:fs/promises";
import { fromBinary, isMessage, toBinary, type Message } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { base64Decode, base64Encode } from "@bufbuild/protobuf/wire";
import type { Plugin } from "esbuild";

const GENERATED = /\/gen\/signet\/v1\/\w+_pb\.ts$/;
/** The one call in a generated file that has its descriptor: `fileDesc("base64", [dependencies])`. */
const DESCRIPTOR = /fileDesc\("([A-Za-z0-9+/=]+)", \[([^\]]*)\]\)/;
/** Files that define nothing but options. */
const OPTIONS = new Set(["file_signet_v1_options", "file_google_api_annotations"]);

/**
 * An esbuild plugin that takes our options out of the descriptors of `gen/`: paths of REST, scopes, rules of fields. The server goes by
 * them; a client that speaks Connect has no use for them, and they are a third of what a descriptor weighs. Whoever reads an option in
 * such a bundle finds none.
 */
export const bareDescriptors: Plugin = {
  name: "bare-descriptors",
  setup(build) {
    build.onLoad({ filter: GENERATED }, async ({ path }) => ({
      contents: bare(await readFile(path, "utf8"), path),
      loader: "ts",
    }));
  },
};

/** Throws when a generated file is not as the plugin knows them. */
function bare(source: string, path: string): string {
  const [whole, encoded, dependencies] = DESCRIPTOR.exec(source) ?? [];
  if (whole === undefined || encoded === undefined || dependencies === undefined) {
    throw new Error(`${path} has no descriptor that is known`);
  }
  const file = fromBinary(FileDescriptorProtoSchema, base64Decode(encoded));
  dropUnknown(file);
  // Names for generators of other languages.
  delete file.options;
  const kept = dependencies.split(", ").filter((name) => !OPTIONS.has(name));
  const descriptor = base64Encode(toBinary(FileDescriptorProtoSchema, file));
  return source.replace(whole, () => `fileDesc("${descriptor}", [${kept.join(", ")}])`);
}

/** Extensions of options are unknown fields to a reader that was not told of them. */
function dropUnknown(message: Message): void {
  delete message.$unknown;
  for (const [name, value] of Object.entries(message)) {
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    for (const each of values) if (isMessage(each)) dropUnknown(each);
    // Nothing is left of it but its tag.
    if (name === "options" && isMessage(value) && Object.keys(value).every((key) => key.startsWith("$"))) {
      delete (message as unknown as Record<string, unknown>)[name];
    }
  }
}
