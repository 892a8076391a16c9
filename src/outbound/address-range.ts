import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/**
 * Where the platform hands credentials to whoever asks from inside: AWS, Google Cloud, Azure, Alibaba, Oracle. Most lie in ranges
 * that an operator may want to open, Azure's is a public address, so they have a name of their own.
 */
const METADATA: ReadonlySet<string> = new Set(
  [
    "169.254.169.254",
    "169.254.169.253",
    "169.254.169.123",
    "169.254.170.2",
    "169.254.170.23",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "fd00:ec2::23",
    "fd00:ec2::123",
    "fd00:ec2::253",
    "fd00:ec2::254",
    "fd20:ce::254",
  ].map((text) => ipaddr.parse(text).toString()),
);

/** NAT64's well-known prefix (RFC 6052, section 2.1); the last 32 bits are the IPv4 address. */
const NAT64 = ipaddr.IPv6.parseCIDR("64:ff9b::/96");

/** Global unicast as far as it is assigned (RFC 4291, section 2.4, and IANA's registry): everything else is not the internet. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR("2000::/3");

/** IPv4-compatible addresses, deprecated (RFC 4291, section 2.5.5.1). */
const IPV4_COMPATIBLE = ipaddr.IPv6.parseCIDR("::/96");

/** Reads an address that `net.isIP` says is one, and that has no zone. */
export function parseAddress(address: string): ipaddr.IPv4 | ipaddr.IPv6 {
  // ipaddr.js reads ::8.8.8.8 as ::ffff:8.8.8.8; the URL standard's parser writes all of it in hex first.
  return ipaddr.parse(isIP(address) === 6 ? new URL(`http://[${address}]/`).hostname.slice(1, -1) : address);
}

/**
 * What an address is for: "public" when it is global unicast and in none of the special ranges (RFC 6890 and IANA's registries that
 * follow it), else the range's name, for example "private", "linkLocal" or "metadata". An address is what `net.isIP` says is one:
 * other spellings, and addresses with a zone, are never public.
 */
export function classifyAddress(address: string): string {
  if (isIP(address) === 0) return "notAnAddress";
  if (address.includes("%")) return "zoned";
  const parsed = parseAddress(address);
  if (METADATA.has(parsed.toString())) return "metadata";
  if (parsed.kind() === "ipv6" && parsed.match(NAT64)) return "nat64";
  const range = parsed.range();
  if (range !== "unicast") return range;
  if (parsed.kind() === "ipv4" || parsed.match(GLOBAL_UNICAST)) return "public";
  return parsed.match(IPV4_COMPATIBLE) ? "ipv4Compatible" : "unassigned";
}

/** The IPv4 address inside of one that {@link classifyAddress} calls "nat64". */
export function nat64Target(address: string): string {
  return ipaddr.fromByteArray(parseAddress(address).toByteArray().slice(12)).toString();
}

/** Ranges whose addresses lead to another one, which no rule about them could see: they stay shut whatever is allowed. */
export const NEVER_OPENED: ReadonlySet<string> = new Set([
  "notAnAddress",
  "zoned",
  "ipv4Mapped",
  "ipv4Compatible",
  "rfc6145",
  "rfc6052",
  "6to4",
  "teredo",
]);

/** Ranges in which a host may be allowed by its name; the others need the range itself. */
export const OPENED_BY_NAME: ReadonlySet<string> = new Set([
  "public",
  "private",
  "loopback",
  "uniqueLocal",
  "carrierGradeNat",
]);
