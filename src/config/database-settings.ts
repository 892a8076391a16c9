import { readFileSync } from "node:fs";
import { AppError } from "../core/error.js";
import { parseDatabaseUrl } from "../store/postgres/database-url.js";
import { setting, wholeNumber, type ValuesOf } from "./setting.js";

/** The text of a URL that the store can take apart; null for none. */
function databaseUrl(value: string, name: string): string | null {
  if (value === "") return null;
  parseDatabaseUrl(value, name);
  return value;
}

/** PEM text, or what is in the file of that path; null for none. */
function certificates(value: string, name: string): string | null {
  const pem = value === "" || value.startsWith("-----BEGIN ") ? value : readText(value, name);
  if (pem === "" && value === "") return null;
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) {
    throw new AppError("invalid", `${name} must be certificates (PEM), or a path to them`);
  }
  return pem;
}

function readText(path: string, name: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new AppError("invalid", `${name}: cannot read ${path}`, { cause });
  }
}

/** Null for an empty text. The lengths are those of service/keys/key-sealer.ts. */
function keySecret(value: string, name: string): string | null {
  if (value === "") return null;
  if (value.length < 32 || value.length > 1_024) {
    throw new AppError("invalid", `${name} must have 32 to 1,024 characters; make one by: openssl rand -base64 32`);
  }
  return value;
}

/** The settings of a PostgreSQL server in place of the data directory's SQLite. */
export const DATABASE_SETTINGS = {
  /** Null keeps the data in the data directory. */
  databaseUrl: {
    ...setting(
      "SIGNET_DATABASE_URL",
      "",
      "postgres://USER:PASSWORD@HOST/DATABASE: keep the data in PostgreSQL",
      databaseUrl,
    ),
    secret: true,
  },
  /** Null is the same as the URL. */
  databaseDirectUrl: {
    ...setting("SIGNET_DATABASE_DIRECT_URL", "", "the same past a pooler such as PgBouncer", databaseUrl),
    secret: true,
  },
  /** PEM. Null leaves it to `sslmode` and `sslrootcert` of the URL. */
  databaseCa: setting(
    "SIGNET_DATABASE_CA",
    "",
    "CA certificates (PEM) of the PostgreSQL server, or a path to them: its certificate must be theirs and name its host",
    certificates,
  ),
  databasePool: setting(
    "SIGNET_DATABASE_POOL",
    "8",
    "connections to PostgreSQL for reads; up to 4 more for writes and changes",
    wholeNumber(1, 100),
  ),
  /** Null without a URL; required with one. */
  keySecret: {
    ...setting("SIGNET_KEY_SECRET", "", "encrypts the signing keys in PostgreSQL; the same on every node", keySecret),
    secret: true,
  },
  /** Null but for the command that changes the secret. */
  newKeySecret: {
    ...setting("SIGNET_NEW_KEY_SECRET", "", "the secret after it, for signet keys reseal alone", keySecret),
    secret: true,
  },
} as const;

/** The PostgreSQL server that keeps the data. */
export interface DatabaseConfig {
  readonly url: string;
  /** Past a pooler; null is `url`. */
  readonly directUrl: string | null;
  /** PEM; null leaves it to the URL. */
  readonly ca: string | null;
  /** Connections for reads. */
  readonly poolSize: number;
}

/** The database of a configuration; null for SQLite in the data directory. */
export function databaseConfig(config: ValuesOf<typeof DATABASE_SETTINGS>): DatabaseConfig | null {
  const { databaseUrl: url, databaseDirectUrl: directUrl, databaseCa: ca, databasePool: poolSize } = config;
  return url === null ? null : { url, directUrl, ca, poolSize };
}

/** Refuses settings of a server that nothing names: the data would be kept in SQLite. */
export function checkDatabase(config: ValuesOf<typeof DATABASE_SETTINGS>): void {
  if (config.databaseUrl !== null) return;
  for (const name of ["databaseDirectUrl", "databaseCa", "keySecret"] as const) {
    if (config[name] !== null) {
      throw new AppError("invalid", `${DATABASE_SETTINGS[name].env} needs SIGNET_DATABASE_URL`);
    }
  }
}

/** Refuses what a server on PostgreSQL lacks or cannot do; commands that only look at its database need no more than the URL. */
export function checkServed(config: ValuesOf<typeof DATABASE_SETTINGS> & { readonly backupEveryHours: number }): void {
  if (config.databaseUrl === null) return;
  if (config.keySecret === null) {
    throw new AppError(
      "invalid",
      "SIGNET_KEY_SECRET must be set: with SIGNET_DATABASE_URL it encrypts the signing keys in the database, and is the same on every " +
        "node; make one by: openssl rand -base64 32",
    );
  }
  if (config.backupEveryHours > 0) {
    throw new AppError(
      "invalid",
      "SIGNET_BACKUP_EVERY makes backups of SQLite: unset it, and back up PostgreSQL with its own tools (docs/scale.md)",
    );
  }
}
