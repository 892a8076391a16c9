import { createConfig, lint, lintFromString } from "@redocly/openapi-core";
import { expect, it } from "vitest";
import { DOCUMENT_FILE, OPENAPI } from "./document.js";

const config = await createConfig({ extends: ["recommended-strict"] });

it("is valid OpenAPI 3.1, and follows Redocly's strict rules", async () => {
  const problems = await lint({ ref: DOCUMENT_FILE, config });
  expect(problems.map(({ ruleId, location }) => `${ruleId} at ${location[0]?.pointer}`)).toEqual([
    // It has nothing that could be refused.
    "operation-4xx-response at #/paths/~1healthz/get/responses",
    // What the untyped detail of an error may be, described there by these names.
    "no-unused-components at #/components/schemas/ErrorReason",
    "no-unused-components at #/components/schemas/FieldError",
  ]);
});

it("would be told of a broken one", async () => {
  const broken = JSON.stringify({ ...OPENAPI, paths: { "/v1/x": { get: { responses: {} } } } });
  const problems = await lintFromString({ source: broken, absoluteRef: "broken.json", config });
  expect(problems.map(({ ruleId }) => ruleId)).toContain("operation-operationId");
});
