import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { SignetError } from "../../sdk/index.js";
import { InputError } from "./cli-error.js";
import type { Shell } from "./shell.js";
import { systemReason } from "../../sdk/runtime/node/node-files.js";

/** The part of the program's help about tokens. */
export const TOKEN_HELP = `Token, from the first of these (not an argument, which other users of the machine could see):
  SIGNET_TOKEN       the token itself
  SIGNET_TOKEN_FILE  a file with the token
  the context        kept by signet login, for its server only
  admin-token        in the data directory of a server on this machine (SIGNET_DATA, default ./data)
`;

/** Whether the environment names a token, by value or by file. */
export function hasToken({ SIGNET_TOKEN, SIGNET_TOKEN_FILE }: Shell["io"]["environment"]): boolean {
  return (SIGNET_TOKEN ?? "") !== "" || (SIGNET_TOKEN_FILE ?? "") !== "";
}

/** The token of a command. */
export interface FoundToken {
  readonly token: string;
  /** The file of a data directory that it was read from; undefined when the environment named a token. */
  readonly adminTokenFile: string | undefined;
  /** Where it came from, for a person. */
  readonly source: string;
}

/**
 * The token for a server: from the environment, else from the context, which is for this server, else from the data directory of a server on this machine, and then only for a URL of
 * this machine, so that it is never sent elsewhere.
 *
 * Throws SignetError `unauthenticated` when there is no token, InputError when it cannot be used.
 */
export function findToken(shell: Shell, url: string): FoundToken {
  const { SIGNET_TOKEN = "", SIGNET_TOKEN_FILE = "", SIGNET_DATA = "" } = shell.io.environment;
  const named = (token: string, source: string) => ({ token, adminTokenFile: undefined, source });
  if (SIGNET_TOKEN !== "") return named(checkToken(SIGNET_TOKEN, "SIGNET_TOKEN"), "SIGNET_TOKEN");
  if (SIGNET_TOKEN_FILE !== "") {
    return named(
      checkToken(readToken(SIGNET_TOKEN_FILE), SIGNET_TOKEN_FILE),
      `SIGNET_TOKEN_FILE, ${SIGNET_TOKEN_FILE}`,
    );
  }
  const { context } = shell;
  if (context?.context.token !== undefined) {
    return named(checkToken(context.context.token, `the token of context ${context.name}`), `context ${context.name}`);
  }
  const file = join(SIGNET_DATA === "" ? "./data" : SIGNET_DATA, "admin-token");
  if (!isThisMachine(url)) {
    throw new SignetError(
      "unauthenticated",
      "no token: run signet login, or set SIGNET_TOKEN or SIGNET_TOKEN_FILE (the admin token of a data directory is for a server on this machine only)",
    );
  }
  if (!isPrivateFile(file)) {
    throw new SignetError(
      "unauthenticated",
      `no token: run signet login, set SIGNET_TOKEN or SIGNET_TOKEN_FILE, or SIGNET_DATA to the server's data directory (there is no ${file})`,
    );
  }
  return { token: checkToken(readToken(file), file), adminTokenFile: file, source: file };
}

/** Whether the host of a URL is a loopback name or address. */
export function isThisMachine(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}

/** Whether the file exists. Throws InputError when other users can read it. */
function isPrivateFile(file: string): boolean {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return false;
  if (process.platform !== "win32" && (stat.mode & 0o077) !== 0) {
    throw new InputError(`other users can read ${file}: make it private (chmod 600) or set SIGNET_TOKEN`);
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

/** The token without surrounding white space. Refuses what an HTTP header cannot carry; the error does not repeat it. */
export function checkToken(text: string, where: string): string {
  const token = text.trim();
  if (token === "") throw new InputError(`${where} is empty`);
  if (!/^[\x20-\x7e]+$/.test(token))
    throw new InputError(`${where} is not a token: only printable ASCII characters are allowed`);
  return token;
}
