/** The longest path of a file, in bytes of UTF-8: what a ustar header can name (POSIX.1-2017, pax, "ustar Interchange Format"). */
export const MAX_OPA_PATH_BYTES = 256;
const MAX_ROOT_CHARACTERS = 1_000;
const MAX_NAME_BYTES = 100;
const MAX_PREFIX_BYTES = 155;

const TOO_LONG = `is too long: at most ${MAX_OPA_PATH_BYTES} bytes, the last ${MAX_NAME_BYTES} of them after a slash`;

const DATA_FILES = new Set(["data.json", "data.yaml"]);

/** Why OPA or an archive could not have a file of this path; null for one that they can. */
export function opaPathProblem(path: string): string | null {
  if (path === "") return "must be the path of a file";
  if (path.length > MAX_OPA_PATH_BYTES) return TOO_LONG;
  if (path.startsWith("/")) return "must not be absolute: leave the leading slash out";
  if (path.includes("\\")) return "must not have a backslash: separate folders by /";
  if (/\p{Cc}/u.test(path)) return "must not have control characters";
  // An OPA that fetches the archive unescapes it (`getFileStoragePath` in `v1/bundle/file.go`), and refuses the bundle if it cannot.
  if (path.includes("%")) return "must not have a percent sign, from which OPA reads an escape";
  const segments = path.split("/");
  if (segments.includes("")) return "must not have an empty name between slashes, nor end in a slash";
  if (segments.includes("..") || segments.includes(".")) return 'must not have "." or ".." as a name';
  if (segments.includes("__proto__")) return "must not have __proto__ as a name";
  const name = segments.at(-1) ?? "";
  if (name.endsWith("signatures.json") || name.endsWith(".manifest"))
    return "is a file that the server writes itself: leave it out";
  if (segments.some((segment) => segment.startsWith("."))) return "must not have a name that begins with a dot";
  if (!DATA_FILES.has(name) && !name.endsWith(".rego")) return "must be named *.rego, data.json or data.yaml";
  return fitsArchive(path) ? null : TOO_LONG;
}

/** A path of `data` by the roots of a bundle: it is one, or some are below it, or it would not be there. */
export interface RootPlace {
  readonly isRoot: boolean;
  /** By the next segment. */
  readonly below: ReadonlyMap<string, RootPlace>;
}

/** The top of the roots as a tree: asking it takes a time that does not grow with their number. */
export function rootTree(roots: readonly string[]): RootPlace {
  const top = newPlace();
  for (const root of roots) {
    let place = top;
    for (const segment of segmentsOf(root)) {
      const next = place.below.get(segment) ?? newPlace();
      place.below.set(segment, next);
      place = next;
    }
    place.isRoot = true;
  }
  return top;
}

/** Whether a path, in segments, is a root or below one. */
export function isInRoots(top: RootPlace, path: readonly string[]): boolean {
  let place: RootPlace | undefined = top;
  for (const segment of path) {
    if (place === undefined || place.isRoot) break;
    place = place.below.get(segment);
  }
  return place?.isRoot === true;
}

interface NewPlace {
  isRoot: boolean;
  readonly below: Map<string, NewPlace>;
}

function newPlace(): NewPlace {
  return { isRoot: false, below: new Map() };
}

/** The segments of a path of `data` that is written with slashes; none for "". */
export function segmentsOf(path: string): readonly string[] {
  return path === "" ? [] : path.split("/");
}

/** Why a text cannot be a root, which OPA compares segment by segment; null for one that can. */
export function opaRootProblem(root: string): string | null {
  if (root === "") return null;
  if (root.length > MAX_ROOT_CHARACTERS) return `must have at most ${MAX_ROOT_CHARACTERS} characters`;
  if (root.startsWith("/") || root.endsWith("/")) return "must not begin or end with a slash";
  if (/\p{Cc}/u.test(root)) return "must not have control characters";
  // To erase and to write data, OPA unescapes each segment (`ParsePathEscaped` in `v1/storage/path.go`): of the root a/b%20c it would own
  // a/b c, and activate the bundle without its data; a percent sign alone it refuses.
  if (root.includes("%")) return "must not have a percent sign, from which OPA reads an escape: own the path above it";
  return root.split("/").includes("") ? "must not have an empty name between slashes" : null;
}

/** A name of at most 100 bytes after a slash, and at most 155 before it; or a name alone. */
function fitsArchive(path: string): boolean {
  const bytes = new TextEncoder().encode(path);
  if (bytes.length <= MAX_NAME_BYTES) return true;
  if (bytes.length > MAX_OPA_PATH_BYTES) return false;
  const slash = 0x2f;
  return bytes.some((byte, i) => byte === slash && i <= MAX_PREFIX_BYTES && bytes.length - i - 1 <= MAX_NAME_BYTES);
}
