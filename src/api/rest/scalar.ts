import { ScalarType } from "@bufbuild/protobuf";
import type { Refusal } from "../../rules/check-value.js";

/** The scalar types that REST carries. 64-bit integers would be strings in JSON, bytes Base64: a proto that has them does not start. */
export type RestScalar = "string" | "bool" | "integer" | "number";

interface Range {
  readonly min: number;
  readonly max: number;
}

const SIGNED: Range = { min: -(2 ** 31), max: 2 ** 31 - 1 };
const UNSIGNED: Range = { min: 0, max: 2 ** 32 - 1 };

const KINDS: Readonly<Partial<Record<ScalarType, RestScalar>>> = {
  [ScalarType.STRING]: "string",
  [ScalarType.BOOL]: "bool",
  [ScalarType.INT32]: "integer",
  [ScalarType.SINT32]: "integer",
  [ScalarType.SFIXED32]: "integer",
  [ScalarType.UINT32]: "integer",
  [ScalarType.FIXED32]: "integer",
  [ScalarType.DOUBLE]: "number",
  [ScalarType.FLOAT]: "number",
};

/** What a scalar type is in JSON; undefined when REST does not carry it. */
export function restScalar(scalar: ScalarType): RestScalar | undefined {
  return KINDS[scalar];
}

/** Why a JSON value is refused for a scalar; undefined when it is not. `1.0` and `1e0` are integers, `"1"` and `"true"` are strings. */
export function refuseJsonScalar(scalar: ScalarType, value: unknown): Refusal | undefined {
  switch (restScalar(scalar)) {
    case "string":
      return typeof value === "string" ? undefined : wrongType("a string");
    case "bool":
      return typeof value === "boolean" ? undefined : wrongType("true or false");
    case "number":
      return typeof value === "number" ? undefined : wrongType("a number");
    case "integer":
      if (typeof value !== "number" || !Number.isInteger(value)) return wrongType("an integer");
      return refuseRange(scalar, value);
    case undefined:
      throw new Error(`REST does not carry ${ScalarType[scalar]}`);
  }
}

/**
 * A scalar from a path or a query. Integers are plain decimal digits, with a minus where the type has a sign: neither `1e2`, `0x10`,
 * `+3` nor `01` (api.md, "JSON").
 */
export function scalarFromText(scalar: ScalarType, text: string): { readonly value: unknown } | Refusal {
  switch (restScalar(scalar)) {
    case "string":
      return { value: text };
    case "bool":
      return text === "true" || text === "false" ? { value: text === "true" } : wrongType("true or false");
    case "number":
      return /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text) && Number.isFinite(Number(text))
        ? { value: Number(text) }
        : wrongType("a number");
    case "integer": {
      if (!/^-?(0|[1-9]\d*)$/.test(text) || text === "-0") return wrongType("an integer in plain decimal digits");
      return refuseRange(scalar, Number(text)) ?? { value: Number(text) };
    }
    case undefined:
      throw new Error(`REST does not carry ${ScalarType[scalar]}`);
  }
}

/** What an integer type holds. */
export function integerRange(scalar: ScalarType): Range {
  return scalar === ScalarType.UINT32 || scalar === ScalarType.FIXED32 ? UNSIGNED : SIGNED;
}

function refuseRange(scalar: ScalarType, value: number): Refusal | undefined {
  const { min, max } = integerRange(scalar);
  return value >= min && value <= max ? undefined : { msg: `must be from ${min} to ${max}`, type: "range" };
}

/** The refusal of a value of another type; `what` names the expected one, for example "a string". */
export function wrongType(what: string): Refusal {
  return { msg: `must be ${what}`, type: "type" };
}
