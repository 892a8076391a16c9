import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { scanStrictJson } from "../bundle/strict-json.js";
import { invalidField, invalidFields, type AppError, type FieldError } from "../core/error.js";
import { findBrokenPattern, findReference } from "./references.js";
import { pathOf, problemOf, shownPath } from "./schema-problem.js";

/** The largest schema, in bytes of UTF-8. */
export const MAX_SCHEMA_BYTES = 256 * 1024;

/** Fields that one refusal lists. */
const MAX_PROBLEMS = 20;

const DIALECT = "https://json-schema.org/draft/2020-12/schema";

/**
 * Checks a policy document, a JSON text that scanStrictJson accepts, against the schema. Throws `invalid` with the first 20 fields that do
 * not fit, and when the schema refers to itself without end.
 */
export type CheckPolicies = (policies: string) => void;

/**
 * Compiles a JSON Schema of draft 2020-12, with the formats of ajv-formats; unknown keywords and formats are annotations. References end
 * inside of the schema: nothing is loaded.
 *
 * For a thread with a time limit, since time and memory depend on the schema: patterns may backtrack, references multiply.
 *
 * Throws `malformed` for what is not JSON, and `invalid` about `schema` with the path of what is refused.
 */
export function compileSchema(text: string): CheckPolicies {
  const { kind } = scanStrictJson(text, { base: ["body", "schema"] });
  if (kind !== "object") throw schemaError([], "must be an object", "type");
  const schema = JSON.parse(text) as Readonly<Record<string, unknown>>;
  refuseOtherDialects(schema);
  const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false, inlineRefs: false, validateSchema: false });
  addFormats.default(ajv);
  refuseInvalid(ajv, schema);
  const validate = compile(ajv, schema);
  return (policies) => {
    if (run(validate, JSON.parse(policies))) return;
    throw misfit(validate.errors ?? []);
  };
}

function refuseOtherDialects(schema: Readonly<Record<string, unknown>>): void {
  const { $schema: dialect } = schema;
  if (dialect !== undefined && dialect !== DIALECT && dialect !== `${DIALECT}#`)
    throw schemaError(["$schema"], `must be ${DIALECT}`, "value");
  // A keyword of ajv's own: its answer would be a promise.
  if (schema.$async !== undefined) throw schemaError(["$async"], "is not a keyword of JSON Schema", "value");
}

function refuseInvalid(ajv: Ajv2020, schema: object): void {
  if (ajv.validateSchema({ ...schema, $schema: DIALECT }) === true) return;
  const errors = (ajv.errors ?? []).slice(0, MAX_PROBLEMS);
  throw invalidFields(errors.map((error) => fieldError("schema", error)));
}

function compile(ajv: Ajv2020, schema: object): ValidateFunction {
  try {
    return ajv.compile(schema);
  } catch (thrown) {
    if (thrown instanceof Ajv2020.MissingRefError) {
      const msg = `refers to ${shown(thrown.missingRef)}, which is not in the schema; nothing is loaded from elsewhere`;
      throw schemaError(findReference(schema, thrown.missingRef), msg, "reference");
    }
    if (thrown instanceof RangeError) throw schemaError([], "refers to itself without end", "reference");
    const why = thrown instanceof Error ? thrown.message : "unknown error";
    const path = thrown instanceof SyntaxError ? findBrokenPattern(schema) : [];
    throw schemaError(path, `cannot be compiled: ${shown(why)}`, "schema");
  }
}

function run(validate: ValidateFunction, policies: unknown): boolean {
  try {
    return validate(policies) === true;
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
    throw invalidField(["policies"], "cannot be checked: the project's schema refers to itself without end", "schema");
  }
}

function misfit(errors: readonly ErrorObject[]): AppError {
  return invalidFields(errors.slice(0, MAX_PROBLEMS).map((error) => fieldError("policies", error)));
}

function fieldError(field: "policies" | "schema", error: ErrorObject): FieldError {
  return { loc: ["body", field, ...shownPath(pathOf(error))], msg: shown(problemOf(error)), type: "schema" };
}

function schemaError(path: readonly string[], msg: string, type: string): AppError {
  return invalidField(["schema", ...shownPath(path)], msg, type);
}

/** Patterns and values of others can be as long as the schema. */
function shown(text: string): string {
  return text.length > 500 ? `${text.slice(0, 500).toWellFormed()}…` : text;
}
