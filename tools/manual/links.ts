import { statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { GROUPS } from "./contents.js";

/** Where a link of a page leads in the manual; and what else must then be in it. */
export interface Target {
  /** Relative to /docs/; null when the manual has nothing for it, such as a folder of the repository. */
  readonly href: string | null;
  /** The file of the repository that it needs, beside the pages. */
  readonly file?: string;
}

const NAMES = new Map(GROUPS.flatMap(({ pages }) => pages).map(({ file, name }) => [file, name]));

/** A file that is larger is not worth a place in every installation. */
const MAX_FILE_BYTES = 128 * 1024;

/**
 * Resolves a link or an image of a Markdown file: pages become pages, images of docs/images keep their names, and other files of the
 * repository are served as they are below /docs/files/.
 *
 * @param from the Markdown file, below the root
 * @throws for a file that is not there
 */
export function resolveLink(root: string, from: string, link: string): Target {
  if (/^https?:\/\//.test(link)) return { href: link };
  const [path = "", anchor] = link.split("#");
  const hash = anchor === undefined ? "" : `#${anchor}`;
  if (path === "") return { href: hash };
  const file = normalize(join(dirname(from), decodeURI(path)));
  if (file.startsWith("..")) throw new Error(`${from}: the link ${link} leaves the repository`);
  const page = NAMES.get(file);
  if (page !== undefined) return { href: `${page}${hash}` };
  const found = statSync(join(root, file), { throwIfNoEntry: false });
  if (found === undefined) throw new Error(`${from}: the link ${link} leads to no file`);
  if (!found.isFile() || found.size > (file.startsWith("docs/images/") ? Infinity : MAX_FILE_BYTES))
    return { href: null };
  const served = file.startsWith("docs/images/") ? file.slice("docs/".length) : `files/${file}`;
  return { href: `${served}${hash}`, file };
}
