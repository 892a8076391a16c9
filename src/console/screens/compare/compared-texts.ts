import { formatScopePolicies, readScopePolicies, rewriteScopePolicies } from "../../../bundle/scope-policies.js";
import { AppError } from "../../../core/error.js";
import { formatJson, sortMembers } from "../../text/format-json.js";

/** The content of one side. */
export interface ComparedContent {
  readonly environment: string;
  /** As documents have them: JSON without white space. */
  readonly policies: string;
  readonly scopePolicies: string;
}

/** Both texts, with the members of objects in one order. */
export interface ComparedTexts {
  readonly before: string;
  readonly after: string;
}

/**
 * The texts of a comparison as a person reads them. Between two environments the scope policies of what would be promoted are those that
 * promotion makes, as the server compares them.
 */
export function comparedTexts(before: ComparedContent | undefined, after: ComparedContent): ComparedTexts {
  const target = before?.environment ?? after.environment;
  return {
    before: before === undefined ? "" : textOf(before.policies, before.scopePolicies),
    after: textOf(after.policies, promoted(after, target)),
  };
}

function promoted({ environment, scopePolicies }: ComparedContent, target: string): string {
  if (environment === target || scopePolicies === "{}") return scopePolicies;
  try {
    return formatScopePolicies(rewriteScopePolicies(readScopePolicies(scopePolicies), environment, target));
  } catch (thrown) {
    // Such a promotion is refused; the list of changes says so.
    if (thrown instanceof AppError) return scopePolicies;
    throw thrown;
  }
}

/** Paths in it are those of CompareBundles: from `/policies` and `/scope_policies`. */
function textOf(policies: string, scopePolicies: string): string {
  return formatJson(sortMembers(`{"policies":${policies},"scope_policies":${scopePolicies}}`));
}

/** The number of the line, from 1, of an offset. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let feed = text.indexOf("\n"); feed >= 0 && feed < offset; feed = text.indexOf("\n", feed + 1)) line++;
  return line;
}
