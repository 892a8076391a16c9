import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { SignetError } from "../../sdk/index.js";
import { InputError } from "./cli-error.js";
import type { Shell } from "./shell.js";
import { systemReason } from "./text-files.js";

export const TOKEN_HELP = `Token (never an argument, where other users could see it):
  SIGNET_TOKEN       the token itself, or
  SIGNET_TOKEN_FILE  a file that holds it, or
  admin-token        in the data directory (SIGNET_DATA, ./data by default) of a server on this machine
`;

/** Whether the caller named a token, by value or by file. */
export function hasToken({ SIGNET_TOKEN, SIGNET_TOKEN_FILE }: Shell["io"]["environment"]): boolean {
  return (SIGNET_TOKEN ?? "") !== "" || (SIGNET_TOKEN_FILE ?? "") !== "";
}

/** A token, and the file of a server's data directory that it comes from, if nobody named a token. */
export interface FoundToken {
  readonly token: string;
  readonly adminTokenFile: string | undefined;
}

/**
 * The token for a server: from the environment, else the one that a server on this machine left in its data directory, and only for
 * a URL of this machine, so that it is never sent elsewhere.
 *
 * Throws SignetError `unauthenticated` when there is none, InputError when what is there cannot be used.
 */
export function findToken(shell: Shell, url: string): FoundToken {
  const { SIGNET_TOKEN = "", SIGNET_TOKEN_FILE = "", SIGNET_DATA = "" } = shell.io.environment;
  const named = (token: string) => ({ token, adminTokenFile: undefined });
  if (SIGNET_TOKEN !== "") return named(checkToken(SIGNET_TOKEN, "SIGNET_TOKEN"));
  if (SIGNET_TOKEN_FILE !== "") return named(checkToken(readToken(SIGNET_TOKEN_FILE), SIGNET_TOKEN_FILE));
  const file = join(SIGNET_DATA === "" ? "./data" : SIGNET_DATA, "admin-token");
  if (!isThisMachine(url)) {
    throw new SignetError(
      "unauthenticated",
      "no token: set SIGNET_TOKEN or SIGNET_TOKEN_FILE (the admin token of a data directory is only for a server on this machine)",
    );
  }
  if (!isPrivateFile(file)) {
    throw new SignetError(
      "unauthenticated",
      `no token: set SIGNET_TOKEN or SIGNET_TOKEN_FILE, or SIGNET_DATA to the server's data directory (there is no ${file})`,
    );
  }
  shell.notice(`using the admin token in ${file}`);
  return { token: checkToken(readToken(file), file), adminTokenFile: file };
}

/** Whether a URL leads to the machine that the command runs on, by its own words. */
export function isThisMachine(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}

/** Whether the file is there. Throws InputError when others can read it. */
function isPrivateFile(file: string): boolean {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return false;
  if (process.platform !== "win32" && (stat.mode & 0o077) !== 0) {
    throw new InputError(`${file} can be read by others; make it private (chmod 600) or set SIGNET_TOKEN`);
  }
  return true;
}

function readToken(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new InputError(`cannot read the token file ${file}: ${systemReason(cause)}`, { cause });
  }
}

/** The token without the line break around it. What no header can carry is refused here, without repeating it. */
function checkToken(text: string, where: string): string {
  const token = text.trim();
  if (!/^[\x20-\x7e]+$/.test(token)) throw new InputError(`${where} holds no token: printable ASCII characters only`);
  return token;
}
