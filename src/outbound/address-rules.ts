import { classifyAddress, NEVER_OPENED, nat64Target, OPENED_BY_NAME } from "./address-range.js";
import { coversAddress, coversName, entriesFor, type AllowList } from "./allow-list.js";

/** Where a connection leads, and for which organization. */
export interface Destination {
  /** As `WebhookTarget.host`. */
  readonly host: string;
  /** Whether it is https. */
  readonly isSecure: boolean;
  /** What an entry of the allow list may call the organization: its id, its slug. */
  readonly orgs: readonly string[];
}

/**
 * Whether this server may connect to an address for a destination: to public addresses with https, to all others, and without
 * https, only where the operator allows it.
 */
export function mayConnect(address: string, destination: Destination, allowList: AllowList): boolean {
  if (isListed(address, destination, allowList)) return true;
  return destination.isSecure && classifyAddress(address) === "public";
}

/**
 * Whether the operator allows an address: by its network, or by the host's name where that leads to a range in which hosts are.
 * A metadata address needs an entry for just itself, so that an entry `fd00::/8` does not expose the cloud's credentials.
 */
export function isListed(address: string, destination: Destination, allowList: AllowList): boolean {
  const range = classifyAddress(address);
  if (NEVER_OPENED.has(range)) return false;
  const entries = entriesFor(allowList, destination.orgs);
  const networks = entries.filter((entry) => coversAddress(entry, address));
  if (range === "metadata") return networks.some((entry) => entry.kind === "network" && entry.isSingle);
  // Behind NAT64 there is an IPv4 address, which has to be allowed as well.
  if (range === "nat64") return networks.length > 0 && mayConnect(nat64Target(address), destination, allowList);
  if (networks.length > 0) return true;
  return OPENED_BY_NAME.has(range) && entries.some((entry) => coversName(entry, destination.host));
}
