import { readFileSync } from "node:fs";
import { AppError } from "../core/error.js";
import { checkDatabase, DATABASE_SETTINGS } from "./database-settings.js";
import { LIMIT_SETTINGS } from "./limit-settings.js";
import { otlpEndpoint, otlpTracesEndpoint, refuseOtlpGrpc, traceRatio } from "./otlp-settings.js";
import { parsePublicUrls } from "./public-url.js";
import { flagOf, oneOf, setting, text, textOrNull, wholeNumber, type Setting, type ValuesOf } from "./setting.js";
import { parseAllowList } from "../outbound/allow-list.js";
import { DEFAULT_RETRY_SCHEDULE, parseRetrySchedule } from "../outbound/retry-schedule.js";

/** pino's levels, and `silent`. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
/** The least level that is logged. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** An address to listen on. */
export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

function origins(value: string, name: string): readonly string[] {
  const list = value.split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]));
  for (const origin of list) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      throw new AppError("invalid", `${name}: "${origin}" is not an exact origin such as https://console.example.com`);
    }
  }
  return list;
}

function adminToken(value: string, name: string): string | null {
  if (value === "") return null;
  // A space at either end would be lost in a header.
  if (!/^[\x21-\x7e][\x20-\x7e]{22,4094}[\x21-\x7e]$/.test(value)) {
    throw new AppError("invalid", `${name} must be 24 to 4,096 printable ASCII characters`);
  }
  return value;
}

function hostAndPort(value: string, name: string): HostAndPort | null {
  if (value === "") return null;
  const [, host, port] = /^(\[[0-9A-Fa-f:.]+\]|[^[\]:\s]+):(\d{1,5})$/.exec(value) ?? [];
  if (host === undefined || Number(port) > 65_535) {
    throw new AppError("invalid", `${name} must be HOST:PORT, for example 127.0.0.1:9464, not "${value}"`);
  }
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}

const ADDRESS = {
  host: setting("SIGNET_HOST", "127.0.0.1", "address to listen on", text),
  port: setting("SIGNET_PORT", "8080", "port to listen on; 0 is any free one", wholeNumber(0, 65_535)),
  /** Empty without a proxy that changes host or path. The first one stands in links. */
  publicUrls: setting(
    "SIGNET_PUBLIC_URL",
    "",
    "public URL of the server behind a proxy, with the path prefix; several: comma-separated",
    parsePublicUrls,
  ),
  /** 0 trusts none. */
  trustedProxies: setting(
    "SIGNET_TRUSTED_PROXIES",
    "0",
    "number of trusted proxies in front of the server, which report the client's address",
    wholeNumber(0, 10),
  ),
  proxyHeader: setting(
    "SIGNET_PROXY_HEADER",
    "x-forwarded-for",
    "header of their reports: x-forwarded-for or forwarded",
    oneOf("x-forwarded-for", "forwarded"),
  ),
  corsOrigins: setting("SIGNET_CORS_ORIGINS", "", "origins that browsers may call from, comma-separated", origins),
  console: setting("SIGNET_CONSOLE", "on", "whether to serve the console at /console/: on, off", oneOf("on", "off")),
} as const;

const DATA = {
  data: setting("SIGNET_DATA", "./data", "data directory", text),
  /** Null generates one. */
  adminToken: {
    ...setting("SIGNET_ADMIN_TOKEN", "", "first admin token of a new data directory", adminToken),
    secret: true,
  },
  /** Null keeps one in the data directory. */
  signingKey: {
    ...setting("SIGNET_SIGNING_KEY", "", "Ed25519 private key (PKCS#8 PEM), or a path to it", textOrNull),
    secret: true,
  },
  /** Null announces none, or the one that `signet keys rotate` made. */
  nextSigningKey: {
    ...setting("SIGNET_NEXT_SIGNING_KEY", "", "the same for the next key, which is announced only", textOrNull),
    secret: true,
  },
  provision: setting(
    "SIGNET_PROVISION",
    "",
    "declaration (.yaml or .json) that is applied before the server listens",
    textOrNull,
  ),
  synchronous: setting(
    "SIGNET_SYNCHRONOUS",
    "full",
    "full: acknowledged changes survive a power failure; normal: faster, may lose the last commits",
    oneOf("full", "normal"),
  ),
  /** 0 keeps none. */
  diskReserveBytes: setting(
    "SIGNET_DISK_RESERVE_BYTES",
    String(16 * 1024 * 1024),
    "space kept free for rollbacks and deletions on a full disk, at most an eighth of it; 0 is off",
    wholeNumber(0, 1024 * 1024 * 1024),
  ),
  acceptLoss: {
    ...setting(
      "SIGNET_ACCEPT_LOSS",
      "no",
      "yes: start although acknowledged changes are missing (PostgreSQL: after a restore, for one start); every environment skips 1,000,000 sequences and versions",
      oneOf("no", "yes"),
    ),
    preset: "yes",
  },
  upgradeCopy: setting(
    "SIGNET_UPGRADE_COPY",
    "yes",
    "whether to copy the database to backups/ in the data directory before an upgrade changes it: yes, no",
    oneOf("yes", "no"),
  ),
  /** Null is `native` in the data directory. */
  nativeDirectory: setting(
    "SIGNET_NATIVE_DIRECTORY",
    "",
    "directory for the executable's SQLite library; default: native in the data directory",
    textOrNull,
  ),
} as const;

/** Null for an empty text. The least length is that of sealed-keys.ts. */
function passphrase(value: string, name: string): string | null {
  if (value === "") return null;
  if (value.length < 12 || value.length > 1_024) {
    throw new AppError("invalid", `${name} must have 12 to 1,024 characters`);
  }
  return value;
}

const BACKUPS = {
  /** Null is `backups` in the data directory. */
  backupDirectory: setting(
    "SIGNET_BACKUP_DIRECTORY",
    "",
    "directory of the backups; default: backups in the data directory",
    textOrNull,
  ),
  backupEveryHours: setting(
    "SIGNET_BACKUP_EVERY",
    "0",
    "make a backup every so many hours; 0 makes none",
    wholeNumber(0, 8_760),
  ),
  backupKeep: setting("SIGNET_BACKUP_KEEP", "7", "scheduled backups that are kept", wholeNumber(1, 10_000)),
  /** Null leaves the keys out. */
  backupPassphrase: {
    ...setting(
      "SIGNET_BACKUP_PASSPHRASE",
      "",
      "puts the signing keys into scheduled backups, encrypted with this",
      passphrase,
    ),
    secret: true,
  },
} as const;

const TLS = {
  /** Both this and the key, or neither: without TLS then. */
  tlsCert: setting("SIGNET_TLS_CERT", "", "serve with TLS: path of the certificate and its chain (PEM)", textOrNull),
  tlsKey: setting("SIGNET_TLS_KEY", "", "path of the certificate's key (PEM)", textOrNull),
  /** Null asks clients for no certificate. */
  tlsClientCa: setting(
    "SIGNET_TLS_CLIENT_CA",
    "",
    "ask for client certificates: path of the CA certificates that sign them (PEM)",
    textOrNull,
  ),
  tlsClientAuth: setting(
    "SIGNET_TLS_CLIENT_AUTH",
    "required",
    "whether every client needs a certificate: required, optional",
    oneOf("required", "optional"),
  ),
} as const;

/** Null for an empty text. */
function nodeName(value: string, name: string): string | null {
  if (value === "") return null;
  if (!/^[\x21-\x7e]{1,64}$/.test(value)) {
    throw new AppError("invalid", `${name} must be 1 to 64 printable ASCII characters without spaces`);
  }
  return value;
}

const OPERATION = {
  /** Null only counts decisions. */
  opaDecisionLogs: setting(
    "SIGNET_OPA_DECISION_LOGS",
    "",
    "file to which the decisions that OPAs log are appended; default: they are only counted",
    textOrNull,
  ),
  /** Null is the name of the host. */
  nodeName: setting(
    "SIGNET_NODE_NAME",
    "",
    "name of this process in signet nodes; default: the name of the host",
    nodeName,
  ),
  logLevel: setting("SIGNET_LOG_LEVEL", "info", LOG_LEVELS.join(", "), oneOf(...LOG_LEVELS)),
  /** Auto is text when standard error is a terminal, else JSON. */
  logFormat: setting(
    "SIGNET_LOG_FORMAT",
    "auto",
    "json: one object a line; text: for people; auto: text on a terminal",
    oneOf("auto", "json", "text"),
  ),
  shutdownGraceMs: setting(
    "SIGNET_SHUTDOWN_GRACE_MS",
    "10000",
    "how long a shutdown waits for requests in flight",
    wholeNumber(0, 600_000),
  ),
  leaseSeconds: setting(
    "SIGNET_LEASE_SECONDS",
    "300",
    "how long runtimes with a root document take what is active for current; renewed each minute, or five times in it",
    wholeNumber(60, 86_400),
  ),
  heartbeatMs: setting("SIGNET_HEARTBEAT_MS", "15000", "time between heartbeats of a watch", wholeNumber(100, 300_000)),
  /** Null serves it with a token only. */
  metricsAddress: setting(
    "SIGNET_METRICS_ADDRESS",
    "",
    "HOST:PORT where /metrics is served without a token",
    hostAndPort,
  ),
  /** Null traces nothing. */
  otlpEndpoint: {
    ...setting("SIGNET_OTLP_ENDPOINT", "", "OTLP/HTTP endpoint that traces are sent to", otlpEndpoint),
    standard: {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: otlpTracesEndpoint,
      OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint,
    },
  },
  traceRatio: {
    ...setting("SIGNET_TRACE_RATIO", "1", "share of the traces that begin here and are recorded, 0 to 1", traceRatio),
    standard: { OTEL_TRACES_SAMPLER_ARG: traceRatio },
  },
} as const;

const WEBHOOKS = {
  webhookAllow: setting(
    "SIGNET_WEBHOOK_ALLOW",
    "",
    "addresses (CIDR) and host names that webhooks may call besides public https ones, comma-separated; ORG=… for one organization",
    parseAllowList,
  ),
  webhookRetrySeconds: setting(
    "SIGNET_WEBHOOK_RETRY_SECONDS",
    DEFAULT_RETRY_SCHEDULE,
    "seconds before each try of a webhook's delivery, comma-separated",
    parseRetrySchedule,
  ),
  webhookTimeoutMs: setting(
    "SIGNET_WEBHOOK_TIMEOUT_MS",
    "15000",
    "time for one try of a webhook's delivery",
    wholeNumber(100, 60_000),
  ),
  webhookRetentionDays: setting(
    "SIGNET_WEBHOOK_RETENTION_DAYS",
    "30",
    "retention of events for replays",
    wholeNumber(4, 3650),
  ),
} as const;

/** The settings, by the heading under which help shows them. */
export const SETTING_GROUPS = [
  ["Address", ADDRESS],
  ["Data", DATA],
  ["Database", DATABASE_SETTINGS],
  ["Backups", BACKUPS],
  ["TLS", TLS],
  ["Operation", OPERATION],
  ["Webhooks", WEBHOOKS],
  ["Limits", LIMIT_SETTINGS],
] as const satisfies readonly (readonly [heading: string, settings: Readonly<Record<string, Setting>>])[];

/** Every setting, by its name in Config. */
export const SETTINGS = {
  ...ADDRESS,
  ...DATA,
  ...DATABASE_SETTINGS,
  ...BACKUPS,
  ...TLS,
  ...OPERATION,
  ...WEBHOOKS,
  ...LIMIT_SETTINGS,
};

/** The configuration of a server. Frozen; nothing else reads the environment. */
export type Config = ValuesOf<typeof SETTINGS>;

/** The names of the settings, in the order of help. */
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly (keyof Config)[];

/**
 * Environment and flags as one frozen Config; flags win. For any setting, `NAME_FILE` names a file that holds its value.
 * Throws `invalid` with the setting's name for a value that cannot be used.
 */
export function loadConfig(
  environment: Readonly<Record<string, string | undefined>>,
  flags: Readonly<Partial<Record<keyof Config, string>>> = {},
): Config {
  const values = SETTING_NAMES.map((name) => {
    const setting: Setting = SETTINGS[name];
    const flag = setting.secret ? undefined : flags[name];
    if (flag !== undefined) return [name, setting.parse(flag, `--${flagOf(setting)}`)] as const;
    const own = fromEnvironment(environment, setting.env);
    return [name, own === undefined ? byStandard(environment, setting) : setting.parse(own, setting.env)] as const;
  });
  const config = Object.freeze(Object.fromEntries(values)) as unknown as Config;
  checkTls(config);
  checkDatabase(config);
  if (config.otlpEndpoint !== null) refuseOtlpGrpc(environment);
  return config;
}

/** Refuses half of a pair, which would be no TLS at all. */
function checkTls({ tlsCert, tlsKey, tlsClientCa }: Config): void {
  if ((tlsCert === null) !== (tlsKey === null)) {
    throw new AppError("invalid", "SIGNET_TLS_CERT and SIGNET_TLS_KEY must be set together");
  }
  if (tlsClientCa !== null && tlsCert === null) {
    throw new AppError("invalid", "SIGNET_TLS_CLIENT_CA needs SIGNET_TLS_CERT and SIGNET_TLS_KEY");
  }
}

/** The value of a setting that is not set by our name. An empty variable of a standard counts as absent, as in OpenTelemetry. */
function byStandard(environment: Readonly<Record<string, string | undefined>>, setting: Setting): unknown {
  for (const [name, parse] of Object.entries(setting.standard ?? {})) {
    const value = environment[name];
    if (value !== undefined && value !== "") return parse(value, name);
  }
  return setting.parse(setting.fallback, setting.env);
}

function fromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  name: `SIGNET_${string}`,
): string | undefined {
  const file = environment[`${name}_FILE`];
  if (file === undefined || file === "") return environment[name];
  try {
    return readFileSync(file, "utf8").trim();
  } catch (cause) {
    throw new AppError("invalid", `${name}_FILE: cannot read ${file}`, { cause });
  }
}
