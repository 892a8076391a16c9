import { standardNextStage, type Environment, type FormerEnvironment } from "../../core/organization.js";

/** The links of an environment that is made again. */
export interface RestoredLinks {
  /** Its next stage; null for none. */
  readonly next: string | null;
  /** The names of the siblings that promote to it again. */
  readonly from: readonly string[];
}

/**
 * The links that the former environment of a name had, as far as the siblings allow: a next stage that is still there, and siblings that
 * promote to none now. Without a former environment, or where it had none in that direction: the links of the standard names.
 */
export function restoredLinks(
  former: FormerEnvironment | null,
  name: string,
  siblings: readonly Environment[],
): RestoredLinks {
  const isThere = (wanted: string) => siblings.some((sibling) => sibling.name === wanted);
  const before = former?.promotesTo ?? null;
  const standard = siblings
    .filter((sibling) => standardNextStage(sibling.name) === name)
    .map((sibling) => sibling.name);
  const promoting = former === null || former.promotedFrom.length === 0 ? standard : former.promotedFrom;
  return {
    next: before !== null && isThere(before) ? before : standardNextStage(name),
    from: siblings
      .filter((sibling) => sibling.promotesTo === null && promoting.includes(sibling.name))
      .map((sibling) => sibling.name),
  };
}
