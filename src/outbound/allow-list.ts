import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { AppError } from "../core/error.js";
import { classifyAddress, NEVER_OPENED, parseAddress } from "./address-range.js";
import { normalizeHostName } from "./host-name.js";

/** What the operator opens: a network, or a name. `org` is an organization's id or slug in lower case; null is for all. */
export type AllowEntry = { readonly org: string | null } & (
  | { readonly kind: "network"; readonly network: Network; readonly isSingle: boolean }
  | { readonly kind: "name"; readonly name: string; readonly isWildcard: boolean }
);

/** Everything that the operator opens. */
export type AllowList = readonly AllowEntry[];

type Network = [ipaddr.IPv4 | ipaddr.IPv6, number];

/**
 * Reads `SIGNET_WEBHOOK_ALLOW`: entries with commas between them, each a CIDR (`10.20.0.0/16`, `fd12::/32`), an address, a host
 * name (`hooks.internal`) or all names below one (`*.corp.example`), for one organization when `ORG=` stands before it, ORG being
 * the organization's id or slug. The empty text opens nothing.
 *
 * @param setting what the error calls the text
 * @throws AppError `invalid`, which names the entry
 */
export function parseAllowList(text: string, setting = "SIGNET_WEBHOOK_ALLOW"): AllowList {
  return text.split(",").flatMap((part) => {
    const entry = part.trim();
    if (entry === "") return [];
    const refuse = (why: string): never => {
      throw new AppError("invalid", `${setting}: "${entry}" ${why}`);
    };
    const [, org, rule] = /^(?:([^=]*)=)?(.*)$/s.exec(entry) ?? [];
    if (org !== undefined && !/^\s*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\s*$/i.test(org)) {
      return refuse("the text before = is not an organization's id or slug");
    }
    return [{ org: org?.trim().toLowerCase() ?? null, ...parseRule((rule ?? "").trim(), refuse) }];
  });
}

function parseRule(rule: string, refuse: (why: string) => never) {
  const [base = "", prefix] = rule.split("/", 2);
  if (isIP(base) !== 0) return parseNetwork(rule, base, prefix, refuse);
  if (rule.includes("/")) return refuse("is not a CIDR such as 10.20.0.0/16 or fd12::/32");
  const isWildcard = rule.startsWith("*.");
  const name = normalizeHostName(isWildcard ? rule.slice(2) : rule);
  if (name === null) return refuse("is neither a CIDR, nor an address, nor a host name");
  return { kind: "name", name, isWildcard } as const;
}

function parseNetwork(rule: string, base: string, prefix: string | undefined, refuse: (why: string) => never) {
  const range = classifyAddress(base);
  const bits = isIP(base) === 4 ? 32 : 128;
  const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : NaN;
  if (!(length <= bits) || rule.split("/").length > 2) return refuse(`has no prefix length from 0 to ${bits}`);
  if (NEVER_OPENED.has(range)) {
    return refuse(`is an address of another address (${range}); write the one that it leads to`);
  }
  const network: Network = [parseAddress(base), length];
  const first = (bits === 32 ? ipaddr.IPv4 : ipaddr.IPv6).networkAddressFromCIDR(network.join("/")).toString();
  // 10.1.2.3/8 may be meant as one host, and would open sixteen million.
  if (first !== network[0].toString()) {
    return refuse(`has bits beyond its prefix; write ${first}/${length} for the range`);
  }
  return { kind: "network", network, isSingle: length === bits } as const;
}

/** The entries for an organization with these names (its id, its slug), and those for all. */
export function entriesFor(allowList: AllowList, orgs: readonly string[]): AllowList {
  const names = orgs.map((org) => org.toLowerCase());
  return allowList.filter(({ org }) => org === null || names.includes(org));
}

/** Whether an entry has this address in its network; names have none. */
export function coversAddress(entry: AllowEntry, address: string): boolean {
  if (entry.kind === "name") return false;
  const parsed = parseAddress(address);
  return parsed.kind() === entry.network[0].kind() && parsed.match(entry.network);
}

/** Whether an entry has this host name, normalized, in it. */
export function coversName(entry: AllowEntry, host: string): boolean {
  if (entry.kind === "network") return false;
  return entry.isWildcard ? host.endsWith(`.${entry.name}`) : host === entry.name;
}
