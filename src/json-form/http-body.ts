import type { DescMessage } from "@bufbuild/protobuf";
import { HttpBodySchema } from "../../gen/google/api/httpbody_pb.js";

/** Whether a message is google.api.HttpBody: the bytes of a body of REST, with their media type. */
export function isHttpBody(message: DescMessage | undefined): boolean {
  return message?.typeName === HttpBodySchema.typeName;
}
