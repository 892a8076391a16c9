import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { isAbsolute, resolve } from "node:path";
import { AppError } from "../../core/error.js";
import { FieldErrors } from "../../core/field-errors.js";
import type { NodeTransportTls } from "../../sdk/node-transport-options.js";
import { systemReason } from "../../sdk/runtime/node/node-files.js";
import type { AgentConfig, EnvironmentConfig, TokenReference } from "./agent-config.js";
import { ConfigFields } from "./config-fields.js";
import { parseCommand, parseOutputs } from "./parse-outputs.js";
import { parseServe } from "./parse-serve.js";
import { parseTrust, type ReadConfigFile } from "./parse-trust.js";

/** The surroundings in which a configuration is read. */
export interface ParseOptions {
  /** Relative paths are relative to this directory. */
  readonly base: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const MAX_ENVIRONMENTS = 100;
const MAX_LABELS = 64;
const MAX_FILE_BYTES = 1 << 20;
const CLOSING = ["serve", "close"] as const;

/**
 * Checks a configuration, and reads the files that it names but for the tokens.
 *
 * @param value as parsed from JSON
 * @throws AppError `invalid` with all that is wrong; the path of each problem begins with the first name in the file
 */
export function parseAgentConfig(value: unknown, options: ParseOptions): AgentConfig {
  const problems = new FieldErrors();
  const all = new ConfigFields(value, [], problems);
  const state = stateOf(all, options);
  const serve = parseServe(all, options.base);
  const items = all.list("environments", MAX_ENVIRONMENTS);
  const parsed = items.map(([item, path]) => {
    const fields = new ConfigFields(item, path, problems);
    return [fields, environmentOf(fields, all, options, items.length === 1)] as const;
  });
  // Only now: the environments read the fields that they share.
  if (items.length === 0) {
    for (const name of SHARED) all.value(name);
    if (problems.found.length === 0) all.refuse("environments", "is required: a list of at least one", "missing");
  }
  all.end();
  refuseRivals(parsed, problems);
  problems.throwIfAny();
  const [first, ...others] = labelled(parsed.flatMap(([, environment]) => environment ?? []));
  if (first === undefined) throw new AppError("invalid", "environments: at least one is required");
  return { state, serve, environments: [first, ...others] };
}

const SHARED = [
  ...["url", "ca", "client_cert", "client_key", "instance", "labels", "on_expired", "on_revoked"],
  ...["root", "keys", "org", "project"],
];

type Unlabelled = Omit<EnvironmentConfig, "label">;

function environmentOf(
  fields: ConfigFields,
  all: ConfigFields,
  options: ParseOptions,
  isOnly: boolean,
): Unlabelled | undefined {
  const read = reader(options.base);
  const trusted = parseTrust(fields, all, read);
  const url = urlOf(fields, all, options);
  const tls = tlsOf(fields, all, read);
  const token = tokenOf(fields, options, isOnly);
  const instance = fields.text("instance", 128) ?? all.text("instance", 128) ?? hostname().slice(0, 128);
  const labels = { ...labelsOf(all), ...labelsOf(fields) };
  const onExpired = fields.oneOf("on_expired", CLOSING) ?? all.oneOf("on_expired", CLOSING) ?? "serve";
  const onRevoked = fields.oneOf("on_revoked", CLOSING) ?? all.oneOf("on_revoked", CLOSING) ?? "close";
  const outputs = parseOutputs(fields, options.base);
  const check = parseCommand(fields, "check");
  const run = parseCommand(fields, "run");
  if (check !== null && outputs.length === 0) fields.refuse("check", "needs outputs to check", "unsupported");
  fields.end();
  if (trusted === undefined || url === undefined || token === undefined) return undefined;
  return { ...trusted, url, tls, token, instance, labels, onExpired, onRevoked, outputs, check, run };
}

function stateOf(fields: ConfigFields, { base, environment }: ParseOptions): string {
  const { STATE_DIRECTORY = "" } = environment;
  // Systemd lists several with colons between them.
  const given = fields.text("state") ?? STATE_DIRECTORY.split(":")[0] ?? "";
  return resolve(base, given === "" ? "signet-agent" : given);
}

function urlOf(fields: ConfigFields, all: ConfigFields, { environment }: ParseOptions): string | undefined {
  const { SIGNET_URL = "" } = environment;
  const [own, shared] = [fields.text("url"), all.text("url")];
  const url = own ?? shared ?? (SIGNET_URL === "" ? undefined : SIGNET_URL);
  if (url === undefined) return fields.refuse("url", "is required, here or for all environments", "missing");
  const protocol = URL.canParse(url) ? new URL(url).protocol : "";
  if (protocol === "http:" || protocol === "https:") return url;
  return (own === undefined ? all : fields).refuse("url", "must be http://host:port or https://host:port", "format");
}

function tlsOf(fields: ConfigFields, all: ConfigFields, read: ReadConfigFile): NodeTransportTls {
  const [ca, cert, key] = (["ca", "client_cert", "client_key"] as const).map((name) => {
    const [own, shared] = [fields.text(name), all.text(name)];
    const source = own === undefined ? all : fields;
    const path = own ?? shared;
    if (path === undefined) return undefined;
    const pem = read(source, name, path);
    if (pem === undefined || name === "client_key" || isCertificate(pem)) return pem;
    return source.refuse(name, "contains no PEM certificate", "content");
  });
  if ((cert === undefined) !== (key === undefined)) {
    fields.refuse("client_cert", "and client_key go together", "missing");
  }
  return { ca, cert, key };
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== null;
  } catch {
    return false;
  }
}

function tokenOf(fields: ConfigFields, { base }: ParseOptions, isOnly: boolean): TokenReference | undefined {
  const value = fields.value("token");
  if (value === undefined) {
    if (isOnly) return { env: "SIGNET_TOKEN" };
    return fields.refuse("token", "is required where there are several: {file: PATH} or {env: NAME}", "missing");
  }
  if (typeof value === "string") {
    // Not repeated: it may be the secret.
    return fields.refuse("token", "must be {file: PATH} or {env: NAME}: a token does not belong in this file", "type");
  }
  const own = new ConfigFields(value, fields.at("token"), fields.problems);
  const [file, env] = [own.text("file"), own.text("env", 255)];
  own.end();
  if ((file === undefined) === (env === undefined)) {
    return fields.refuse("token", "must be {file: PATH} or {env: NAME}", "type");
  }
  return file === undefined ? { env: env ?? "" } : { file: isAbsolute(file) ? file : resolve(base, file) };
}

function labelsOf(fields: ConfigFields): Readonly<Record<string, string>> {
  const value = fields.value("labels");
  if (value === undefined) return {};
  const own = new ConfigFields(value, fields.at("labels"), fields.problems);
  const names = Object.keys(Object(value) as object);
  if (names.length > MAX_LABELS) fields.refuse("labels", `must have at most ${MAX_LABELS}`, "too_many");
  return Object.fromEntries(
    names.slice(0, MAX_LABELS).flatMap((name) => {
      const text = own.text(name, 255);
      return text === undefined ? [] : [[name, text]];
    }),
  );
}

function reader(base: string): ReadConfigFile {
  return (fields, name, path) => {
    const file = isAbsolute(path) ? path : resolve(base, path);
    try {
      if (statSync(file).size > MAX_FILE_BYTES) return fields.refuse(name, `${file} has more than 1 MiB`, "too_large");
      return readFileSync(file, "utf8");
    } catch (thrown) {
      return fields.refuse(name, `cannot read ${file}: ${systemReason(thrown)}`, "unreadable");
    }
  };
}

/** One environment twice, and one path for two outputs, would undo each other. */
function refuseRivals(
  parsed: readonly (readonly [ConfigFields, Unlabelled | undefined])[],
  problems: FieldErrors,
): void {
  const environments = new Set<string>();
  const paths = new Map<string, ConfigFields>();
  for (const [fields, environment] of parsed) {
    if (environment === undefined) continue;
    const key = identityKey(environment);
    if (environments.has(key)) problems.add(fields.at("name"), "is there twice", "duplicate");
    environments.add(key);
    for (const { path } of environment.outputs) {
      const holder = paths.get(path);
      if (holder !== undefined && holder !== fields) {
        problems.add(fields.at("outputs"), `${path} is an output of another environment`, "duplicate");
      }
      paths.set(path, fields);
    }
  }
}

function identityKey({ identity: { orgId, projectId, environment } }: Pick<EnvironmentConfig, "identity">): string {
  return JSON.stringify([orgId, projectId, environment]);
}

function labelled(environments: readonly Unlabelled[]): readonly EnvironmentConfig[] {
  return environments.map((one) => {
    const { environment, projectId } = one.identity;
    const isShared = environments.filter(({ identity }) => identity.environment === environment).length > 1;
    return { ...one, label: isShared ? `${environment}@${projectId}` : environment };
  });
}
