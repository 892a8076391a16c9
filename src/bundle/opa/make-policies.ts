import { OPA_POLICIES } from "../../core/bundle.js";
import { parseOpaPolicies } from "./opa-policies.js";

/** What policies of kind OPA are besides their files. */
export interface OpaPolicyOptions {
  /** The paths of OPA's `data` that they own, segments separated by slashes; `[""]` by default, which is all of it. */
  readonly roots?: readonly string[];
  /** The version of Rego; 1 by default. */
  readonly regoVersion?: 0 | 1;
}

/**
 * What `publishBundle` takes for files: `{ policies, mediaType }`.
 *
 * @param files the texts of `*.rego`, `data.json` and `data.yaml` by their paths, without a leading slash
 * @throws AppError, an Error whose `fields` name what the server would refuse, each with its path; data.yaml is left to the server
 */
export function opaPolicies(
  files: Readonly<Record<string, string>>,
  { roots = [""], regoVersion = 1 }: OpaPolicyOptions = {},
): { readonly policies: string; readonly mediaType: typeof OPA_POLICIES } {
  const paths = Object.keys(files).sort();
  const policies = JSON.stringify({
    files: Object.fromEntries(paths.map((path) => [path, files[path]])),
    roots,
    rego_version: regoVersion,
  });
  parseOpaPolicies(policies, { readYaml: null });
  return { policies, mediaType: OPA_POLICIES };
}
