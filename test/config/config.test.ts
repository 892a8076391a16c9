import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadConfig, SETTING_NAMES, SETTINGS, type Config } from "../../src/config/config.js";
import { databaseConfig } from "../../src/config/database-settings.js";
import { flagOf } from "../../src/config/setting.js";
import { DATABASE_CASES, DATABASE_URL, LIMIT_CASES, number, optionalPath, type Case } from "./config-cases.js";

const CHOSEN = "my-very-own-admin-token-1";
/** A path alone is refused: the settings go together (below). */
const pathOrNone = (env: string, flag: string): Case => ({ env, flag, fallback: null, good: [["", null]], bad: [] });

const CASES: Readonly<Record<keyof Config, Case>> = {
  host: { env: "SIGNET_HOST", flag: "host", fallback: "127.0.0.1", good: [["0.0.0.0", "0.0.0.0"]], bad: [] },
  port: number("SIGNET_PORT", "port", 8080, 0, 65_535),
  data: { env: "SIGNET_DATA", flag: "data", fallback: "./data", good: [["/srv/signet", "/srv/signet"]], bad: [] },
  adminToken: {
    env: "SIGNET_ADMIN_TOKEN",
    flag: null,
    fallback: null,
    good: [
      ["", null],
      [CHOSEN, CHOSEN],
    ],
    bad: ["short", "a".repeat(23), `${CHOSEN}é`, ` ${CHOSEN}`, `${CHOSEN} `, `${CHOSEN}\n${CHOSEN}`, "a".repeat(4097)],
  },
  backupDirectory: optionalPath("SIGNET_BACKUP_DIRECTORY", "backup-directory", "/mnt/backups"),
  backupEveryHours: number("SIGNET_BACKUP_EVERY", "backup-every", 0, 0, 8_760),
  backupKeep: number("SIGNET_BACKUP_KEEP", "backup-keep", 7, 1, 10_000),
  backupPassphrase: {
    env: "SIGNET_BACKUP_PASSPHRASE",
    flag: null,
    fallback: null,
    good: [
      ["", null],
      ["correct horse battery", "correct horse battery"],
    ],
    bad: ["elevenchars", "x".repeat(1_025)],
  },
  diskReserveBytes: number("SIGNET_DISK_RESERVE_BYTES", "disk-reserve-bytes", 16 * 1024 * 1024, 0, 1024 ** 3),
  upgradeCopy: {
    env: "SIGNET_UPGRADE_COPY",
    flag: "upgrade-copy",
    fallback: "yes",
    good: [
      ["yes", "yes"],
      ["no", "no"],
    ],
    bad: ["", "true", "YES"],
  },
  acceptLoss: {
    env: "SIGNET_ACCEPT_LOSS",
    flag: "accept-loss",
    fallback: "no",
    good: [
      ["yes", "yes"],
      ["no", "no"],
    ],
    bad: ["", "true", "YES"],
  },
  signingKey: optionalPath("SIGNET_SIGNING_KEY", null, "/keys/mine.pem"),
  nextSigningKey: optionalPath("SIGNET_NEXT_SIGNING_KEY", null, "/keys/mine.pem"),
  logFormat: {
    env: "SIGNET_LOG_FORMAT",
    flag: "log-format",
    fallback: "auto",
    good: [
      ["json", "json"],
      ["text", "text"],
    ],
    bad: ["", "JSON", "pretty"],
  },
  opaDecisionLogs: optionalPath("SIGNET_OPA_DECISION_LOGS", "opa-decision-logs", "/var/log/signet/decisions.jsonl"),
  nodeName: {
    env: "SIGNET_NODE_NAME",
    flag: "node-name",
    fallback: null,
    good: [["eu-1.example", "eu-1.example"]],
    bad: ["two words", "x".repeat(65), "caf\u00e9"],
  },
  logLevel: {
    env: "SIGNET_LOG_LEVEL",
    flag: "log-level",
    fallback: "info",
    good: [
      ["trace", "trace"],
      ["silent", "silent"],
    ],
    bad: ["", "INFO", "loud"],
  },
  console: {
    env: "SIGNET_CONSOLE",
    flag: "console",
    fallback: "on",
    good: [
      ["on", "on"],
      ["off", "off"],
    ],
    bad: ["", "yes", "OFF"],
  },
  publicUrls: {
    env: "SIGNET_PUBLIC_URL",
    flag: "public-url",
    fallback: [],
    good: [
      ["", []],
      ["https://Signet.example.com:443", [{ origin: "https://signet.example.com", path: "" }]],
      ["http://example.com:8080/signet/", [{ origin: "http://example.com:8080", path: "/signet" }]],
      [
        "https://b.example, http://a.example/x ,https://b.example/,",
        [
          { origin: "https://b.example", path: "" },
          { origin: "http://a.example", path: "/x" },
        ],
      ],
    ],
    bad: [
      "https://a.example, b.example",
      Array.from({ length: 17 }, (_, n) => `https://${n}.example`).join(),
      "example.com",
      "ftp://example.com",
      "https://a@example.com",
      "https://example.com/?a",
      "https://example.com/#a",
    ],
  },
  corsOrigins: {
    env: "SIGNET_CORS_ORIGINS",
    flag: "cors-origins",
    fallback: [],
    good: [
      ["", []],
      ["https://a.example, http://localhost:3000,", ["https://a.example", "http://localhost:3000"]],
    ],
    bad: ["*", "null", "https://a.example/", "https://a.example/path", "a.example", "https://a.example:443"],
  },
  provision: optionalPath("SIGNET_PROVISION", "provision", "/etc/signet/provision.yaml"),
  leaseSeconds: number("SIGNET_LEASE_SECONDS", "lease-seconds", 300, 60, 86_400),
  heartbeatMs: number("SIGNET_HEARTBEAT_MS", "heartbeat-ms", 15_000, 100, 300_000),
  shutdownGraceMs: number("SIGNET_SHUTDOWN_GRACE_MS", "shutdown-grace-ms", 10_000, 0, 600_000),
  synchronous: {
    env: "SIGNET_SYNCHRONOUS",
    flag: "synchronous",
    fallback: "full",
    good: [["normal", "normal"]],
    bad: ["", "off", "FULL"],
  },
  nativeDirectory: optionalPath("SIGNET_NATIVE_DIRECTORY", "native-directory", "/opt/signet/native"),
  webhookAllow: {
    env: "SIGNET_WEBHOOK_ALLOW",
    flag: "webhook-allow",
    fallback: [],
    good: [["", []]],
    bad: ["10.0.0.1/8", "not a name", "http://host"],
  },
  webhookRetrySeconds: {
    env: "SIGNET_WEBHOOK_RETRY_SECONDS",
    flag: "webhook-retry-seconds",
    fallback: [0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400],
    good: [["0,1", [0, 1]]],
    bad: ["", "-1", "1.5", "0;1", "604801"],
  },
  webhookTimeoutMs: number("SIGNET_WEBHOOK_TIMEOUT_MS", "webhook-timeout-ms", 15_000, 100, 60_000),
  webhookRetentionDays: number("SIGNET_WEBHOOK_RETENTION_DAYS", "webhook-retention-days", 30, 4, 3650),
  tlsCert: pathOrNone("SIGNET_TLS_CERT", "tls-cert"),
  tlsKey: pathOrNone("SIGNET_TLS_KEY", "tls-key"),
  tlsClientCa: pathOrNone("SIGNET_TLS_CLIENT_CA", "tls-client-ca"),
  tlsClientAuth: {
    env: "SIGNET_TLS_CLIENT_AUTH",
    flag: "tls-client-auth",
    fallback: "required",
    good: [["optional", "optional"]],
    bad: ["", "none", "Required"],
  },
  trustedProxies: number("SIGNET_TRUSTED_PROXIES", "trusted-proxies", 0, 0, 10),
  proxyHeader: {
    env: "SIGNET_PROXY_HEADER",
    flag: "proxy-header",
    fallback: "x-forwarded-for",
    good: [["forwarded", "forwarded"]],
    bad: ["", "X-Real-IP", "X-Forwarded-For"],
  },
  metricsAddress: {
    env: "SIGNET_METRICS_ADDRESS",
    flag: "metrics-address",
    fallback: null,
    good: [
      ["", null],
      ["127.0.0.1:9464", { host: "127.0.0.1", port: 9464 }],
      ["metrics.internal:0", { host: "metrics.internal", port: 0 }],
      ["[::1]:65535", { host: "::1", port: 65_535 }],
    ],
    bad: ["9464", ":9464", "127.0.0.1", "::1:9464", "a:65536", "http://a:1", "a b:1", "a:-1"],
  },
  otlpEndpoint: {
    env: "SIGNET_OTLP_ENDPOINT",
    flag: "otlp-endpoint",
    fallback: null,
    good: [
      ["", null],
      ["http://collector:4318", "http://collector:4318/v1/traces"],
      ["https://collector/otlp/", "https://collector/otlp/v1/traces"],
    ],
    bad: ["collector:4318", "ftp://collector", "//collector"],
  },
  traceRatio: {
    env: "SIGNET_TRACE_RATIO",
    flag: "trace-ratio",
    fallback: 1,
    good: [
      ["0", 0],
      ["0.05", 0.05],
      ["1", 1],
    ],
    bad: ["", "1.1", "2", "-0.1", ".5", "1e-1", "half"],
  },
  ...DATABASE_CASES,
  ...LIMIT_CASES,
};

const names = Object.keys(CASES) as (keyof Config)[];
const rows = names.map((name) => [CASES[name].env, name, CASES[name]] as const);
const good = rows.flatMap(([env, name, { good }]) => good.map(([text, value]) => [env, text, name, value] as const));
const bad = rows.flatMap(([env, name, { bad }]) => bad.map((text) => [env, text, name] as const));

describe("the settings", () => {
  let directory = "";
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "signet-config-"));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it("are these, and each has a text of help", () => {
    expect([...SETTING_NAMES].sort()).toEqual([...names].sort());
    for (const name of SETTING_NAMES) expect(SETTINGS[name].help).not.toBe("");
  });

  it("are frozen", () => {
    expect(Object.isFrozen(loadConfig({}))).toBe(true);
  });

  it.each(rows)("%s has its name, its flag and its default", (env, name, { flag, fallback }) => {
    const setting = SETTINGS[name];
    expect(setting.env).toBe(env);
    expect(setting.secret ? null : flagOf(setting)).toBe(flag);
    expect(loadConfig({})[name]).toEqual(fallback);
  });

  it.each(good)("%s=%j is read", (env, text, name, value) => {
    expect(loadConfig({ [env]: text })[name]).toEqual(value);
  });

  it.each(bad)("%s=%j is refused by its name", (env, text, name) => {
    const refusal = expect.objectContaining({ code: "invalid", message: expect.stringContaining(env) as string });
    expect(() => loadConfig({ [env]: text })).toThrow(refusal as Error);
    const { flag } = CASES[name];
    if (flag === null) return;
    const byFlag = { code: "invalid", message: expect.stringContaining(`--${flag}`) as string };
    expect(() => loadConfig({}, { [name]: text })).toThrow(expect.objectContaining(byFlag) as Error);
  });

  it("that are secret are never quoted in a refusal", () => {
    for (const { env, bad } of [CASES.adminToken, CASES.databaseUrl, CASES.databaseDirectUrl]) {
      for (const text of bad) {
        expect(() => loadConfig({ [env]: text })).toThrow(
          expect.not.objectContaining({ message: expect.stringContaining(text.trim()) as string }) as Error,
        );
      }
    }
  });

  const flagged = rows.flatMap(
    ([
      env,
      name,
      {
        flag,
        good: [first],
      },
    ]) => (flag === null || first === undefined ? [] : [[flag, env, name, ...first] as const]),
  );
  it.each(flagged)("--%s wins over %s", (_, env, name, text, value) => {
    expect(loadConfig({ [env]: "not looked at" }, { [name]: text })[name]).toEqual(value);
  });

  it.each([
    ["adminToken", "another-admin-token-0123456"],
    ["signingKey", "/another/key.pem"],
    ["databaseUrl", "postgres://user@host/database"],
  ] as const)("%s takes no flag", (name, text) => {
    expect(loadConfig({}, { [name]: text })[name]).toBeNull();
  });

  it.each(rows)("%s_FILE names a file with the value", (env, name, { good }) => {
    const [text, value] = good.at(-1) ?? ["", null];
    const file = join(directory, env);
    writeFileSync(file, `${text}\n`);
    expect(loadConfig({ [`${env}_FILE`]: file })[name]).toEqual(value);
  });

  it.each(rows)("%s_FILE that cannot be read is refused by its name", (env) => {
    const message = expect.stringContaining(`${env}_FILE`) as string;
    expect(() => loadConfig({ [`${env}_FILE`]: join(directory, "none") })).toThrow(
      expect.objectContaining({ code: "invalid", message }) as Error,
    );
  });

  it.each(["SIGNET_HOST", "SIGNET_DATA"] as const)(
    "%s that is empty is not every address or the current directory",
    (env) => {
      const name = env === "SIGNET_HOST" ? "host" : "data";
      let taken: unknown = CASES[name].fallback;
      try {
        taken = loadConfig({ [env]: "" })[name];
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: "invalid", message: expect.stringContaining(env) as string });
      }
      expect(taken).toBe(CASES[name].fallback);
    },
  );

  it.each([
    [{ SIGNET_TLS_CERT: "/c" }, "together"],
    [{ SIGNET_TLS_KEY: "/k" }, "together"],
    [{ SIGNET_TLS_CLIENT_CA: "/ca" }, "SIGNET_TLS_CLIENT_CA needs"],
  ])("%j alone is refused: it would be no TLS at all", (environment, text) => {
    const message = expect.stringContaining(text) as string;
    expect(() => loadConfig(environment)).toThrow(expect.objectContaining({ code: "invalid", message }) as Error);
  });

  it("TLS needs certificate and key, and may ask for client certificates", () => {
    const paths = { SIGNET_TLS_CERT: "/c", SIGNET_TLS_KEY: "/k", SIGNET_TLS_CLIENT_CA: "/ca" };
    expect(loadConfig(paths)).toMatchObject({ tlsCert: "/c", tlsKey: "/k", tlsClientCa: "/ca" });
  });

  it("a database's CA is a PEM text or in a file, and is read once", () => {
    const pem = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----";
    const file = join(directory, "ca.pem");
    writeFileSync(file, pem);
    for (const value of [pem, file]) {
      const config = loadConfig({ SIGNET_DATABASE_URL: DATABASE_URL, SIGNET_DATABASE_CA: value });
      expect(databaseConfig(config)).toEqual({ url: DATABASE_URL, directUrl: null, ca: pem, poolSize: 8 });
    }
    expect(databaseConfig(loadConfig({ SIGNET_DATABASE_URL: "", SIGNET_DATABASE_POOL: "9" }))).toBeNull();
  });

  it.each([
    { SIGNET_DATABASE_DIRECT_URL: DATABASE_URL },
    { SIGNET_DATABASE_CA: "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----" },
  ])("%j alone is refused: the data would be kept in SQLite", (environment) => {
    const message = expect.stringContaining("needs SIGNET_DATABASE_URL") as string;
    expect(() => loadConfig(environment)).toThrow(expect.objectContaining({ code: "invalid", message }) as Error);
  });
});
