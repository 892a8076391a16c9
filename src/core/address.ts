const MAPPED = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

/**
 * The canonical form of an IP address, in which it is counted, stored and shown. IPv4-mapped IPv6 (`::ffff:192.0.2.1`, from a dual-stack
 * socket) becomes IPv4; IPv6 is written as in RFC 5952. Any other text is returned unchanged.
 */
export function plainAddress(address: string): string {
  if (!address.includes(":")) return address;
  const url = `http://[${address}]`;
  if (!URL.canParse(url)) return address;
  const canonical = new URL(url).hostname.slice(1, -1);
  const [, high, low] = MAPPED.exec(canonical) ?? [];
  if (high === undefined || low === undefined) return canonical;
  const bits = Number.parseInt(high, 16) * 65_536 + Number.parseInt(low, 16);
  return [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join(".");
}
