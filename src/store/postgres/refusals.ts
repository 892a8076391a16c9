import type { ClientBase } from "pg";
import { AppError } from "../../core/error.js";

/** The oldest that has all that the store uses: 14.0, as `server_version_num` writes it. */
const MIN_VERSION = 140_000;

/** Servers that speak the protocol and lack what the store rests on, by what `version()` says. */
const PRETENDERS: readonly (readonly [pattern: RegExp, name: string, why: string])[] = [
  [
    /CockroachDB/i,
    "CockroachDB",
    "its advisory locks do nothing, so that writes of two nodes would mix, and it has no LISTEN",
  ],
  [/-YB-|Yugabyte/i, "YugabyteDB", "it does not have PostgreSQL's advisory locks and LISTEN"],
  [/Redshift/i, "Redshift", "it has neither advisory locks nor unique keys"],
  [
    /Greenplum|Materialize|QuestDB|CrateDB|openGauss/i,
    "a server that is not PostgreSQL",
    "the store needs PostgreSQL itself",
  ],
];

/** What a server says of itself. */
export interface ServerFacts {
  /** The text of `version()`. */
  readonly version: string;
  /** 140005 for 14.5. */
  readonly versionNumber: number;
  readonly inRecovery: boolean;
  /** `default_transaction_read_only`. */
  readonly readOnly: boolean;
  readonly encoding: string;
  readonly standardStrings: boolean;
  /** The process of the server that has the connection. */
  readonly backendPid: number;
}

/** A host that takes no writes now; another one of the URL may. */
export class ReadOnlyHostError extends Error {
  override readonly name = "ReadOnlyHostError";
}

/** What a server says of itself; what it lacks is told as refuseServer does. One statement, bounded in time. */
export async function serverFacts(client: ClientBase, timeoutMs: number): Promise<ServerFacts> {
  const ask = async (columns: string): Promise<Record<string, unknown>> => {
    // The types of pg do not know the option.
    const query: { text: string; query_timeout: number } = { text: `select ${columns}`, query_timeout: timeoutMs };
    const { rows } = await client.query<Record<string, unknown>>(query);
    return rows[0] ?? {};
  };
  const facts = await ask(FACTS).catch(async (error: unknown) => {
    const { version } = await ask("version() as version");
    refusePretender(String(version));
    throw error;
  });
  return {
    version: String(facts.version),
    versionNumber: Number(facts.number),
    inRecovery: facts.recovery === true,
    readOnly: facts.read_only === "on",
    encoding: String(facts.encoding),
    standardStrings: facts.strings === "on",
    backendPid: Number(facts.pid),
  };
}

const FACTS = [
  "version() as version, current_setting('server_version_num') as number, pg_is_in_recovery() as recovery",
  "current_setting('default_transaction_read_only') as read_only, current_setting('server_encoding') as encoding",
  "current_setting('standard_conforming_strings') as strings, pg_backend_pid() as pid",
].join(", ");

/**
 * Throws `invalid` for a server that Signet does not run on (another product, below 14, another encoding than UTF8) and
 * ReadOnlyHostError for one that takes no writes: a standby, or `default_transaction_read_only`.
 */
export function refuseServer(facts: ServerFacts): void {
  refusePretender(facts.version);
  if (!(facts.versionNumber >= MIN_VERSION)) {
    const version = /^PostgreSQL (\S+)/.exec(facts.version)?.[1] ?? "an unknown version";
    throw new AppError("invalid", `the database is PostgreSQL ${version}; Signet needs 14 or newer`);
  }
  if (facts.encoding !== "UTF8") {
    throw new AppError("invalid", `the encoding of the database is ${facts.encoding}; create it with encoding 'UTF8'`);
  }
  if (!facts.standardStrings) {
    throw new AppError("invalid", "standard_conforming_strings is off for the database or the role; it must be on");
  }
  if (facts.inRecovery) throw new ReadOnlyHostError("is a standby (in recovery)");
  if (facts.readOnly) throw new ReadOnlyHostError("is read-only (default_transaction_read_only is on)");
}

/** Throws `invalid` for a product that is not PostgreSQL, by the text of its `version()`. */
export function refusePretender(version: string): void {
  const found = PRETENDERS.find(([pattern]) => pattern.test(version));
  if (found !== undefined)
    throw new AppError("invalid", `the database is ${found[1]}, which Signet does not run on: ${found[2]}`);
  if (!version.startsWith("PostgreSQL ")) throw new AppError("invalid", "the database server is not PostgreSQL");
}

/**
 * Throws `invalid` unless the role may create tables where the search path puts them: for migrations, before their first change.
 * Tells the statement that gives the right.
 */
export async function refuseWithoutCreate(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ schema: string | null; role: string; may: boolean | null }>(
    "select current_schema() as schema, current_user as role, has_schema_privilege(current_schema(), 'create') as may",
  );
  const { schema = null, role = "", may = false } = rows[0] ?? {};
  if (schema === null) {
    throw new AppError(
      "invalid",
      "the database has no schema of the role's search_path: create one, for example public",
    );
  }
  if (may !== true) {
    const [quotedSchema, quotedRole] = [client.escapeIdentifier(schema), client.escapeIdentifier(role)];
    throw new AppError(
      "invalid",
      `the role ${role} may not create tables in the schema ${schema}: grant create on schema ${quotedSchema} to ${quotedRole}`,
    );
  }
}
