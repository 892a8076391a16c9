import { isIP } from "node:net";
import { isAbsolute, resolve } from "node:path";
import { isLocalAddress, type ListenAddress } from "../serve/listen-address.js";
import type { ServeConfig } from "./agent-config.js";
import { ConfigFields } from "./config-fields.js";

const DEFAULT_LISTEN = "127.0.0.1:7070";
const DEFAULT_READERS = 4_096;
const MAX_READERS = 65_536;
const MAX_HOSTS = 64;
/** The longest path of a Unix socket on Linux. */
const MAX_SOCKET_BYTES = 107;

/** How local readers are served: an object, or its `listen` alone; null when they are not. Problems are added to the fields' own. */
export function parseServe(all: ConfigFields, base: string): ServeConfig | null {
  const value = all.value("serve");
  if (value === undefined) return null;
  const isText = typeof value === "string";
  const own = new ConfigFields(isText ? { listen: value } : value, all.at("serve"), all.problems);
  const refuse = (name: string, msg: string, type: string): undefined =>
    isText ? all.refuse("serve", msg, type) : own.refuse(name, msg, type);
  const listen = addressOf(own.text("listen") ?? DEFAULT_LISTEN, base);
  const health = own.text("health_listen");
  const healthListen = health === undefined ? null : addressOf(health, base);
  const allowsRemote = flagOf(own, "allow_remote");
  const allowedHosts = own.list("allowed_hosts", MAX_HOSTS).flatMap(([host, path]) => {
    if (typeof host === "string" && /^[A-Za-z0-9.-]{1,253}$/.test(host)) return [host];
    own.problems.add(path, "must be the name of a host", "format");
    return [];
  });
  const maxReaders = own.wholeNumber("max_readers", 1, MAX_READERS) ?? DEFAULT_READERS;
  const decisionLogs = own.oneOf("decision_logs", ["count", "forward"]) ?? "count";
  own.end();
  if (listen === undefined) refuse("listen", ADDRESS_RULE, "format");
  if (health !== undefined && healthListen === undefined) refuse("health_listen", ADDRESS_RULE, "format");
  if (listen === undefined || healthListen === undefined) return null;
  if (!allowsRemote && !isLocalAddress(listen)) {
    refuse("listen", "is reached by others, and readers need no token: set allow_remote to allow that", "unsupported");
  }
  return { listen, healthListen, allowsRemote, allowedHosts, maxReaders, decisionLogs };
}

const ADDRESS_RULE = "must be ADDRESS:PORT, for example 127.0.0.1:7070, or unix:PATH";

function addressOf(text: string, base: string): ListenAddress | undefined {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    const socket = isAbsolute(path) ? path : resolve(base, path);
    return path === "" || Buffer.byteLength(socket) > MAX_SOCKET_BYTES ? undefined : { socket };
  }
  const [, bracketed, plain, digits = ""] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? "";
  const isAddress = digits !== "" && Number(digits) <= 65_535 && (host === "localhost" || isIP(host) !== 0);
  return isAddress ? { host, port: Number(digits) } : undefined;
}

function flagOf(fields: ConfigFields, name: string): boolean {
  const value = fields.value(name);
  if (value === undefined || typeof value === "boolean") return value === true;
  return fields.refuse(name, "must be true or false", "type") ?? false;
}
