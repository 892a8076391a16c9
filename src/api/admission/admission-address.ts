import { isIPv4, isIPv6 } from "node:net";
import { plainAddress } from "../../core/address.js";

/**
 * What a client address is counted under: an IPv4 address as it is, an IPv6 address by its /64, because one host or customer
 * commonly owns all of it. IPv4 inside of IPv6 (`::ffff:192.0.2.1`) counts as IPv4. What is no address counts as itself.
 */
export function addressKey(address: string): string {
  const bare = plainAddress(address.split("%", 1)[0] ?? "");
  if (isIPv4(bare) || !isIPv6(bare)) return bare;
  return `${groupsOf(bare).slice(0, 4).join(":")}::/64`;
}

/** The eight groups of a valid IPv6 address without IPv4 in it. */
function groupsOf(address: string): readonly string[] {
  const [head = "", tail = ""] = address.split("::");
  const [before, after] = [head, tail].map((text) => (text === "" ? [] : text.split(":"))) as [string[], string[]];
  return [...before, ...new Array<string>(8 - before.length - after.length).fill("0"), ...after];
}
