import { diffLines, type LineDiff } from "./line-diff.js";
import type { OpaPolicies } from "./opa-policies.js";

/** A file that differs between two policies of kind OPA. */
export interface FileChange {
  readonly path: string;
  readonly op: "add" | "remove" | "replace";
  readonly diff: LineDiff;
}

/** What differs between two policies of kind OPA. */
export interface OpaChanges {
  /** By path. */
  readonly files: readonly FileChange[];
  readonly added: number;
  readonly removed: number;
  /** The roots and the version of Rego of both, where they differ; null where they do not. */
  readonly roots: { readonly before: readonly string[]; readonly after: readonly string[] } | null;
  readonly regoVersion: { readonly before: number; readonly after: number } | null;
}

/** Compares two policies of kind OPA file by file, and each file that both have line by line. */
export function opaChanges(before: OpaPolicies, after: OpaPolicies): OpaChanges {
  const paths = [...new Set([...before.files.keys(), ...after.files.keys()])].sort();
  const files = paths.flatMap((path): readonly FileChange[] => {
    const [old, text] = [before.files.get(path), after.files.get(path)];
    if (old === text) return [];
    const op = old === undefined ? "add" : text === undefined ? "remove" : "replace";
    return [{ path, op, diff: diffLines(old ?? "", text ?? "") }];
  });
  const hasSameRoots = JSON.stringify(before.roots) === JSON.stringify(after.roots);
  return {
    files,
    added: files.reduce((sum, { diff }) => sum + diff.added, 0),
    removed: files.reduce((sum, { diff }) => sum + diff.removed, 0),
    roots: hasSameRoots ? null : { before: before.roots, after: after.roots },
    regoVersion:
      before.regoVersion === after.regoVersion ? null : { before: before.regoVersion, after: after.regoVersion },
  };
}
