import type { FieldMask } from "@bufbuild/protobuf/wkt";
import { invalidField } from "../../core/error.js";
import { snakeCase } from "../../core/snake-case.js";

/**
 * The fields that a partial update changes (AIP-134). With an `update_mask`: those it names; one that is unset is null, which
 * clears it. Without: those that are set. Throws `invalid` for a mask that names something else.
 */
export function maskedFields<
  M extends { readonly updateMask?: FieldMask | undefined },
  const F extends readonly (Exclude<keyof M, "updateMask"> & string)[],
>(request: M, fields: F): { [K in F[number]]?: NonNullable<M[K]> | null } {
  const paths = request.updateMask?.paths;
  const unknown = paths?.find((path) => !fields.some((field) => snakeCase(field) === path));
  if (unknown !== undefined) {
    throw invalidField(["update_mask"], `"${unknown.slice(0, 64)}" is not a field that can be changed`, "unknown");
  }
  const changed = fields.filter((field) => paths?.includes(snakeCase(field)) ?? request[field] !== undefined);
  return Object.fromEntries(changed.map((field) => [field, request[field] ?? null])) as {
    [K in F[number]]?: NonNullable<M[K]> | null;
  };
}
