/** How the store reaches its PostgreSQL server. */
export interface PostgresOptions {
  /** `postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/DATABASE?…` (database-url.ts); may be a pooler in transaction mode. */
  readonly url: string;
  /** The same server past the pooler, for LISTEN and migrations; null is `url`. */
  readonly directUrl: string | null;
  /** CA certificates (PEM) that the server's certificate must be signed by; null leaves it to the URL's `sslmode`. */
  readonly ca: string | null;
  /** Connections for reads, 1 to 100. */
  readonly poolSize: number;
  /** As pg_stat_activity shows this process; an `application_name` of the URL wins. */
  readonly applicationName: string;
}

/** What an operator should know of the connections. No secrets in it. */
export interface ConnectionNotice {
  readonly level: "info" | "warn";
  readonly message: string;
}
