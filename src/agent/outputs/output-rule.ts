/** The part of a pack that an output has: the format-1 document, the content, the policies alone, or the files of the OPA bundle. */
export const OUTPUT_KINDS = ["document", "content", "policies", "files"] as const;

/** See {@link OUTPUT_KINDS}. */
export type OutputKind = (typeof OUTPUT_KINDS)[number];

/** An output: a file, or for `files` a symbolic link to a directory. */
export interface OutputRule {
  readonly kind: OutputKind;
  /** Absolute. */
  readonly path: string;
  /** Permissions of files; null: those of the file that is there, else 0644. */
  readonly mode: number | null;
  /** Permissions of the directories of a set. */
  readonly directoryMode: number;
}

/** Permissions of new files and directories, unless the configuration has others. */
export const DEFAULT_MODE = 0o644;
/** See {@link DEFAULT_MODE}. */
export const DEFAULT_DIRECTORY_MODE = 0o755;

/** The longest last part of a path: names beside it, which are longer, must fit into 255 bytes. */
export const MAX_NAME_BYTES = 200;

/** The variable that names an output to commands: `SIGNET_POLICIES`, from the second of a kind on `SIGNET_POLICIES_2`, … */
export function outputVariables(rules: readonly Pick<OutputRule, "kind">[]): readonly string[] {
  const counts = new Map<OutputKind, number>();
  return rules.map(({ kind }) => {
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    return `SIGNET_${kind.toUpperCase()}${count === 1 ? "" : `_${count}`}`;
  });
}
