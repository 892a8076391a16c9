import { hostname } from "node:os";
import type { Logger } from "pino";
import { VERSION } from "../../assets/version.js";
import type { Config } from "../../config/config.js";
import { formatPublicUrl } from "../../config/public-url.js";
import type { ServiceWarnings } from "../../service/changes/observers.js";
import { systemClock } from "../../core/clock.js";
import { DecisionFile } from "../../service/opa/decision-file.js";
import type { DocumentsOptions } from "../../service/documents/documents.js";
import { newestStep } from "../../store/migrations/migrate.js";
import { sqliteMigrationDialect } from "../../store/sqlite/migration-dialect.js";
import type { KeyWarnings } from "./keys.js";
import type { ServiceOptions } from "./services.js";

/** The options of the features, from the settings. `onError` is called with the error of a delivery that could not be handled. */
export function serviceOptions(
  config: Config,
  documents: DocumentsOptions,
  onError: (error: unknown) => void,
): ServiceOptions {
  return {
    sessionLimits: { stream: config.maxStreams, poll: config.maxHeldPolls },
    heartbeatMs: config.heartbeatMs,
    leaseSeconds: config.leaseSeconds,
    documents,
    server: {
      version: VERSION,
      url: config.publicUrls.map(formatPublicUrl)[0] ?? null,
    },
    consoleServer: config.console === "on" ? (config.publicUrls.map(formatPublicUrl)[0] ?? null) : null,
    decisions: config.opaDecisionLogs === null ? null : new DecisionFile(config.opaDecisionLogs, systemClock),
    // The steps have the same names on every database.
    node: { name: config.nodeName ?? hostname(), version: VERSION, schema: newestStep(sqliteMigrationDialect) },
    webhooks: {
      allowList: config.webhookAllow,
      schedule: config.webhookRetrySeconds,
      timeoutMs: config.webhookTimeoutMs,
      userAgent: `signet/${VERSION}`,
      onError,
    },
  };
}

/** Between two lines about a chain that is taken over: some seconds. */
const EVENTS_PER_LINE = 65_536;

/** Logs the warnings of the features. */
export function warningsTo(log: Logger): ServiceWarnings {
  return {
    foreignKey: (orgId, keyPrefix) =>
      log.warn(
        { orgId, keyPrefix },
        "a token was registered with the key of another organization's token: it does not work",
      ),
    damaged: (environmentId, reason) => log.error({ environmentId, reason }, "the active bundle is not served"),
    historyLost: (environmentId, servedSequence) =>
      log.error(
        { environmentId, servedSequence },
        "the database has lost acknowledged changes; the environment goes on above what was served",
      ),
    unattested: (environmentId, error) =>
      log.error(
        { environmentId, err: error },
        "what is active cannot be attested: runtimes with a root keep what they have",
      ),
    auditLost: (orgId, toldSize) =>
      log.error({ orgId, toldSize }, "the database has lost audit events; the organization's log has a new origin"),
    auditTiles: ({ orgId, size, of }) => {
      if (size % EVENTS_PER_LINE === 0) log.info({ orgId, events: size, of }, "audit events taken into the log");
    },
  };
}

/** Logs what a node finds of keys that another one changed. */
export function keyWarningsTo(log: Logger): KeyWarnings {
  return {
    problem: (reason) =>
      log.error({ reason }, "the bundle signing key cannot be used: publishing and promoting will fail"),
    failed: (error) => log.warn({ err: error }, "the signing keys that another node changed could not be read yet"),
  };
}
