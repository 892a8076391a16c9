import type { ProjectAt } from "../../data/links.js";
import { MAX_EDITED } from "../../text/text-handle.js";
import { parseDraft, type Draft } from "./draft.js";

const keyOf = ({ org, project }: ProjectAt, env: string) => `signet-draft:${org}/${project}/${env}`;

/** The draft that this tab keeps for an environment; undefined without one. */
export function keptDraft(at: ProjectAt, env: string): Draft | undefined {
  try {
    return parseDraft(sessionStorage.getItem(keyOf(at, env)) ?? "null");
  } catch {
    // Storage that is forbidden.
    return undefined;
  }
}

/** Keeps a draft until the tab is closed; undefined removes it. False when it is too long, or there is no room. */
export function keepDraft(at: ProjectAt, env: string, draft: Draft | undefined): boolean {
  try {
    if (draft === undefined) sessionStorage.removeItem(keyOf(at, env));
    else if (draft.policies.length + draft.scopePolicies.length > MAX_EDITED) return false;
    else sessionStorage.setItem(keyOf(at, env), JSON.stringify(draft));
    return true;
  } catch {
    return false;
  }
}
