import type { DescService } from "@bufbuild/protobuf";
import { HeaderSchema } from "../../gen/signet/v1/options_pb.js";
import { complete } from "./complete.js";
import { ERROR_SCHEMAS, ErrorResponses } from "./errors.js";
import type { Examples } from "./examples.js";
import { Headers } from "./headers.js";
import type { Content, Document, Operation, PathItem, Reference, Response, Schema } from "./model.js";
import { pathsOf } from "./paths.js";
import { probePaths } from "./probes.js";
import { Schemas } from "./schemas.js";
import { tagsOf } from "./tags.js";

const DESCRIPTION = `Signed policy bundles: publish, promote, activate, push.

Names are snake_case. In an answer every field is present, and one that is unset is \`null\`. In a request unknown fields are ignored,
and an empty body is \`{}\`; PATCH clears with \`null\` and leaves what is absent. HEAD works wherever GET does, but for the watch.
Every answer has X-Request-Id, and every error the same body. The same calls exist over gRPC, gRPC-Web and Connect:
\`x-signet-method\` names them.`;

/**
 * The OpenAPI 3.1 document of services that were read with their comments. The same services, version and examples give the same document.
 *
 * Throws an Error for what the server would not start with, and for what OpenAPI cannot say.
 */
export function createDocument(services: readonly DescService[], version: string, examples: Examples = {}): Document {
  const schemas = new Schemas();
  const headers = new Headers(withComments(services));
  const errors = new ErrorResponses(headers);
  const paths = {
    ...pathsOf(services, { schemas, headers, errors, examples }),
    ...probePaths(headers, examples),
  };
  const all = withErrors(schemas.components);
  return {
    openapi: "3.1.0",
    info: {
      title: "Signet",
      version,
      description: DESCRIPTION,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/", description: "The server that this document comes from." }],
    security: [{ bearer: [] }, { apiKey: [] }],
    tags: tagsOf(services),
    paths: Object.fromEntries(Object.entries(paths).map(([path, item]) => [path, withWholeExamples(item, all)])),
    components: {
      schemas: sorted(all),
      responses: sorted(errors.components),
      parameters: sorted(headers.parameters),
      headers: sorted(headers.components),
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "`Authorization: Bearer <token>`" },
        apiKey: {
          type: "apiKey",
          in: "header",
          name: "X-API-Key",
          description: "Goes before Authorization when both are there.",
        },
      },
    },
  };
}

/** The generated code has no comments; the services' own files do. */
function withComments(services: readonly DescService[]) {
  for (const { file } of services) {
    for (const dependency of file.dependencies) {
      const found = dependency.enums.find(({ typeName }) => typeName === HeaderSchema.typeName);
      if (found !== undefined) return found;
    }
  }
  throw new Error(`no service imports ${HeaderSchema.typeName}`);
}

function withErrors(schemas: Readonly<Record<string, Schema>>): Record<string, Schema> {
  const clash = Object.keys(ERROR_SCHEMAS).find((name) => name in schemas);
  if (clash !== undefined) throw new Error(`REST's error body has a schema ${clash} already`);
  return { ...schemas, ...ERROR_SCHEMAS };
}

/** With the answers' examples as complete as answers are. */
function withWholeExamples(item: PathItem, schemas: Readonly<Record<string, Schema>>): PathItem {
  const whole = (response: Response | Reference): Response | Reference => {
    if (!("content" in response) || response.content === undefined) return response;
    const entries = Object.entries(response.content).map(([type, { schema, ...more }]) => [
      type,
      "example" in more ? { schema, example: complete(more.example, schema, schemas) } : { schema },
    ]);
    return { ...response, content: Object.fromEntries(entries) as Content };
  };
  const operations = Object.entries(item).map(([method, operation]) => {
    const responses = Object.entries(operation.responses).map(([status, response]) => [status, whole(response)]);
    return [method, { ...operation, responses: Object.fromEntries(responses) as Operation["responses"] }] as const;
  });
  return Object.fromEntries(operations);
}

function sorted<T>(components: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(components).sort(([a], [b]) => (a < b ? -1 : 1)));
}
