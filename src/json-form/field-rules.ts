import { create, getOption, hasOption, type DescField } from "@bufbuild/protobuf";
import { field as fieldOption, FieldRulesSchema, type FieldRules } from "../../gen/signet/v1/options_pb.js";

const rulesOf = new WeakMap<DescField, FieldRules>();

/** The rules of a field, from its proto option; the defaults when it has none. Reading an option parses it: once for each field. */
export function fieldRulesOf(field: DescField): FieldRules {
  let rules = rulesOf.get(field);
  if (rules === undefined) {
    rules = hasOption(field, fieldOption) ? getOption(field, fieldOption) : create(FieldRulesSchema);
    rulesOf.set(field, rules);
  }
  return rules;
}
