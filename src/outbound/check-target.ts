import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { AppError } from "../core/error.js";
import { waitFor } from "../core/schedule/wait.js";
import { mayConnect, type Destination } from "./address-rules.js";
import type { AllowList } from "./allow-list.js";
import { rememberNames } from "./name-cache.js";
import { parseWebhookUrl } from "./webhook-url.js";

/** Where names become addresses. */
export interface Resolver {
  /** All IPv4 and IPv6 addresses of a host name; rejects when it has none. */
  resolve(host: string): Promise<readonly string[]>;
}

/** The operating system's: name servers, `/etc/hosts` and what else the operator has set up. */
export function createSystemResolver(): Resolver {
  return rememberNames({
    lookup: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
  });
}

/** For the look-up of a name when it is set. */
const CHECK_TIMEOUT_MS = 10_000;

/** What a caller is told about a name without addresses and about a refused one alike: the difference is a view of our network. */
export const NO_ALLOWED_ADDRESS =
  "the webhook's host has no address, or one that this server may not call; SIGNET_WEBHOOK_ALLOW opens others, and plain http";

/** The AppError reason of {@link allowedAddresses} and {@link checkTarget}. */
export const ADDRESS_REFUSED = "webhook_address_refused";

/**
 * The addresses of a destination, one or more, after a check of each. One refused address refuses them all: a name that is public
 * and private at once is a trap. The message names no address: a caller that may not connect to it should not learn it either.
 *
 * @throws AppError `malformed`, reason `webhook_address_refused`; whatever the resolver says
 */
export async function allowedAddresses(
  destination: Destination,
  allowList: AllowList,
  resolver: Resolver,
): Promise<readonly string[]> {
  const { host } = destination;
  const addresses = isIP(host) === 0 ? await resolver.resolve(host) : [host];
  if (addresses.length === 0) throw Object.assign(new Error(`${host} has no address`), { code: "ENOTFOUND" });
  if (addresses.every((address) => mayConnect(address, destination, allowList))) return addresses;
  if (!destination.isSecure && addresses.every((it) => mayConnect(it, { ...destination, isSecure: true }, allowList))) {
    throw new AppError("malformed", "the webhook's URL must be https, except where SIGNET_WEBHOOK_ALLOW opens http", {
      reason: ADDRESS_REFUSED,
    });
  }
  throw new AppError("malformed", NO_ALLOWED_ADDRESS, {
    reason: ADDRESS_REFUSED,
    cause: new Error(addresses.join(" ")),
  });
}

/**
 * Checks a webhook's URL when it is set: that it is one, that its host has addresses, and that an organization with these names may
 * connect to each of them. What it points to may change: {@link createSender} checks again at every connection.
 *
 * @throws AppError `invalid` for what is no such URL; `malformed`, reason `webhook_address_refused`
 */
export async function checkTarget(
  url: string,
  orgs: readonly string[],
  allowList: AllowList,
  resolver: Resolver,
): Promise<void> {
  const { host, isSecure } = parseWebhookUrl(url);
  try {
    const checked = allowedAddresses({ host, isSecure, orgs }, allowList, resolver);
    if (!(await waitFor(checked, CHECK_TIMEOUT_MS))) throw new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError("malformed", NO_ALLOWED_ADDRESS, { reason: ADDRESS_REFUSED, cause: error });
  }
}
