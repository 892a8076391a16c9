import type { DescEnum, DescEnumValue, DescField, DescMessage, DescMethod, DescService } from "@bufbuild/protobuf";
import type { SourceCodeInfo_Location } from "@bufbuild/protobuf/wkt";

type Commented = DescEnum | DescEnumValue | DescField | DescMessage | DescMethod | DescService;

/** The comment above a declaration, one line for each paragraph; empty when there is none, or when it only points elsewhere. */
export function commentOf(desc: Commented): string {
  const path = pathOf(desc).join(".");
  const text = (locationsOf(desc).find((location) => location.path.join(".") === path)?.leadingComments ?? "")
    .split(/\n[ \t]*\n/)
    .map((paragraph) => paragraph.replace(/\s+/g, " ").trim())
    .join("\n\n")
    .trim();
  return /^(See|As in) [\w.]+( and [\w.]+)?\.$/.test(text) ? "" : text;
}

/** As a member to be spread; nothing when there is no comment. */
export function describedBy(desc: Commented): { description?: string } {
  const description = commentOf(desc);
  return description === "" ? {} : { description };
}

/** The first sentence, without its full stop. */
export function summaryOf(comment: string): string {
  return (/^.*?(?=\.(\s|$))/s.exec(comment)?.[0] ?? comment).replace(/\s+/g, " ");
}

function locationsOf(desc: Commented): readonly SourceCodeInfo_Location[] {
  const { file } = desc.kind === "field" || desc.kind === "enum_value" || desc.kind === "rpc" ? desc.parent : desc;
  return file.proto.sourceCodeInfo?.location ?? [];
}

/** Field numbers and indexes from the file's descriptor down to a declaration (descriptor.proto, SourceCodeInfo.Location.path). */
function pathOf(desc: Commented): readonly number[] {
  switch (desc.kind) {
    case "service":
      return [6, desc.file.services.indexOf(desc)];
    case "rpc":
      return [...pathOf(desc.parent), 2, desc.parent.methods.indexOf(desc)];
    case "message":
      return desc.parent === undefined
        ? [4, desc.file.messages.indexOf(desc)]
        : // Map entries are nested messages without a declaration of their own.
          [...pathOf(desc.parent), 3, desc.parent.proto.nestedType.indexOf(desc.proto)];
    case "field":
      return [...pathOf(desc.parent), 2, desc.parent.proto.field.indexOf(desc.proto)];
    case "enum":
      return desc.parent === undefined
        ? [5, desc.file.enums.indexOf(desc)]
        : [...pathOf(desc.parent), 4, desc.parent.nestedEnums.indexOf(desc)];
    case "enum_value":
      return [...pathOf(desc.parent), 2, desc.parent.values.indexOf(desc)];
  }
}
