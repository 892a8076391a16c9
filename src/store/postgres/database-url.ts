import { AppError } from "../../core/error.js";

/** The modes of libpq, from none to all checks. `allow` is left out: it prefers to have no TLS. */
const SSL_MODES = ["disable", "prefer", "require", "verify-ca", "verify-full"] as const;
/** How much TLS a connection must have. */
export type SslMode = (typeof SSL_MODES)[number];

/** One of the servers that a URL names. */
export interface DatabaseHost {
  /** A name, an address without brackets, or the directory of a Unix socket. */
  readonly host: string;
  readonly port: number;
}

/** A database's URL, taken apart. */
export interface DatabaseUrl {
  /** In the order in which they are tried; at least one. */
  readonly hosts: readonly DatabaseHost[];
  readonly user: string;
  /** "" for none. */
  readonly password: string;
  readonly database: string;
  /** Null when the URL does not say. */
  readonly sslMode: SslMode | null;
  /** Path of CA certificates, `system` for those that Node has, null for none. */
  readonly sslRootCert: string | null;
  /** Paths of the client's certificate and its key: both or neither. */
  readonly sslCert: string | null;
  readonly sslKey: string | null;
  /** Begins with TLS instead of asking for it first (PostgreSQL 17). */
  readonly sslDirect: boolean;
  /** The login must be bound to the TLS connection (SCRAM-SHA-256-PLUS). */
  readonly channelBinding: boolean;
  readonly applicationName: string | null;
  /** Null leaves the default. */
  readonly connectTimeoutMs: number | null;
}

type Parameters = Readonly<Partial<Record<(typeof PARAMETERS)[number], string>>>;

const PARAMETERS = [
  ...["host", "port", "user", "password", "dbname", "application_name", "connect_timeout", "target_session_attrs"],
  ...["sslmode", "sslrootcert", "sslcert", "sslkey", "sslnegotiation", "channel_binding"],
] as const;

const MAX_HOSTS = 16;

/** The database and the hosts of a URL, for a person: `signet at db1:5432,db2:5432`. No user, no password. Throws as parseDatabaseUrl. */
export function databaseName(text: string): string {
  const { hosts, database } = parseDatabaseUrl(text, "SIGNET_DATABASE_URL");
  return `${database} at ${hosts.map(({ host, port }) => `${host}:${port}`).join(",")}`;
}

/**
 * Takes a URL apart as libpq does: `postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/DATABASE?NAME=VALUE&…`. Each part is percent-encoded;
 * IPv6 addresses stand in brackets; the directory of a Unix socket is `?host=/DIRECTORY` or a percent-encoded host. Parameters: those of
 * libpq that Signet can honour (above).
 *
 * Throws `invalid`, naming the setting by `name`, for anything else. The message has nothing of the URL but names of parameters: a
 * password with a character that should have been encoded can stand anywhere in it.
 */
export function parseDatabaseUrl(text: string, name: string): DatabaseUrl {
  const refuse = (why: string): never => {
    throw new AppError("invalid", `${name}: ${why}`);
  };
  const [, rest] = /^postgres(?:ql)?:\/\/(.*)$/s.exec(text) ?? refuse("must begin with postgres:// or postgresql://");
  const [, authority = "", path = "", query = ""] =
    /^([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/s.exec(rest ?? "") ?? refuse(ENCODE);
  if (/[@\s]/.test(path + query)) refuse(ENCODE);
  const at = authority.lastIndexOf("@");
  const [user = "", ...password] = at < 0 ? [] : authority.slice(0, at).split(":");
  const given = parameters(query, refuse);
  const url = {
    hosts: hosts(authority.slice(at + 1), given, refuse),
    user: given.user ?? decode(user, refuse),
    password: given.password ?? decode(password.join(":"), refuse),
    applicationName: given.application_name ?? null,
    connectTimeoutMs: connectTimeout(given.connect_timeout, refuse),
    ...tls(given, refuse),
  };
  if (url.user === "") refuse("names no user: postgres://USER:PASSWORD@HOST/DATABASE");
  const session = given.target_session_attrs ?? "primary";
  if (session !== "primary" && session !== "read-write") {
    refuse("target_session_attrs must be read-write or primary: Signet writes");
  }
  // As libpq: a database of the user's name.
  return { ...url, database: given.dbname ?? (decode(path, refuse) || url.user) };
}

const ENCODE = "is not a URL; in a password, characters such as @ : / ? # % and spaces must be percent-encoded";

type Refuse = (why: string) => never;

function decode(text: string, refuse: Refuse): string {
  let decoded = "";
  try {
    decoded = decodeURIComponent(text);
  } catch {
    refuse(ENCODE);
  }
  // The protocol ends texts with it.
  return decoded.includes("\0") ? refuse(ENCODE) : decoded;
}

function parameters(query: string, refuse: Refuse): Parameters {
  const given: Partial<Record<string, string>> = {};
  for (const part of query.split("&")) {
    if (part === "") continue;
    const [key = "", ...value] = part.split("=");
    if (!(PARAMETERS as readonly string[]).includes(key)) {
      refuse(`has the parameter ${printableName(key)}, which is none of ${PARAMETERS.join(", ")}`);
    }
    if (given[key] !== undefined) refuse(`has the parameter ${key} twice`);
    given[key] = decode(value.join("="), refuse);
  }
  return given;
}

/** A name that was misspelt; anything else may be part of a secret. */
function printableName(key: string): string {
  return /^[A-Za-z_-]{1,40}$/.test(key) ? `"${key}"` : "of another name";
}

function hosts(authority: string, given: Parameters, refuse: Refuse): readonly DatabaseHost[] {
  if (authority !== "" && (given.host ?? given.port) !== undefined) refuse("names hosts twice, also as a parameter");
  const ports = (given.port ?? "").split(",");
  const parts = given.host === undefined ? authority.split(",") : given.host.split(",").map(bracketed);
  if (parts.length > MAX_HOSTS) refuse(`names more than ${MAX_HOSTS} hosts`);
  if (ports.length > 1 && ports.length !== parts.length) refuse("has another number of ports than of hosts");
  return parts.map((part, index) => {
    const [, address, plain, port = ports[index] ?? ports[0]] =
      /^(?:\[([0-9A-Fa-f:.%]+)\]|([^[\]:]*))(?::(\d*))?$/.exec(part) ?? refuse(ENCODE);
    const host = address ?? decode(plain ?? "", refuse);
    if (host === "") refuse("names no host: postgres://USER:PASSWORD@HOST/DATABASE");
    const number = port === undefined || port === "" ? 5432 : Number(port);
    if (!(number >= 1 && number <= 65_535)) refuse("a port must be a number from 1 to 65535");
    return { host, port: number };
  });
}

/** A host that is a parameter of its own has no port, and an IPv6 address no brackets. */
function bracketed(host: string): string {
  return host.startsWith("/")
    ? encodeURIComponent(host)
    : host.includes(":")
      ? `[${host.replace(/^\[|\]$/g, "")}]`
      : host;
}

function connectTimeout(text: string | undefined, refuse: Refuse): number | null {
  if (text === undefined) return null;
  if (!/^\d{1,2}$/.test(text) || Number(text) < 1 || Number(text) > 60)
    refuse("connect_timeout must be 1 to 60 seconds");
  return Number(text) * 1000;
}

function tls(given: Parameters, refuse: Refuse) {
  const sslMode = choice(given, "sslmode", SSL_MODES, refuse);
  const [sslCert, sslKey] = [given.sslcert ?? null, given.sslkey ?? null];
  if ((sslCert === null) !== (sslKey === null)) refuse("sslcert and sslkey must be given together");
  const sslDirect = choice(given, "sslnegotiation", ["postgres", "direct"], refuse) === "direct";
  const channelBinding = choice(given, "channel_binding", ["disable", "prefer", "require"], refuse) === "require";
  const needsTls = sslMode === null || sslMode === "prefer" || sslMode === "disable";
  if (needsTls && sslDirect) refuse("sslnegotiation=direct needs sslmode=require or more");
  if (needsTls && channelBinding) refuse("channel_binding=require needs sslmode=require or more");
  const sslRootCert = given.sslrootcert ?? null;
  if (sslMode === "verify-ca" && sslRootCert === "system") refuse("sslrootcert=system needs sslmode=verify-full");
  return { sslMode, sslRootCert, sslCert, sslKey, sslDirect, channelBinding };
}

function choice<const T extends string>(
  given: Parameters,
  name: keyof Parameters,
  choices: readonly T[],
  refuse: Refuse,
): T | null {
  const text = given[name];
  if (text === undefined) return null;
  return choices.find((one) => one === text) ?? refuse(`${name} must be one of ${choices.join(", ")}`);
}
