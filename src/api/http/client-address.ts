import { isIP, isIPv4, isIPv6 } from "node:net";
import { plainAddress } from "../../core/address.js";
import { headerOf, type NodeRequest } from "./node-http.js";

/** Whose word on a client's address counts. */
export interface ProxyTrust {
  /** How many proxies stand before the server, each of which appends its caller's address; 0 reads no header. */
  readonly hops: number;
  /** The one header that they write. Another one would be the client's own word. */
  readonly header: "x-forwarded-for" | "forwarded";
}

/** Whom a request is from, as text, IPv4 always in its short form; empty when the connection is already gone. */
export type ClientAddressOf = (req: AddressedRequest) => string;

/** What tells it: a request, or one of HTTP/2 before it is made. */
export interface AddressedRequest {
  readonly headers: NodeRequest["headers"];
  readonly socket: { readonly remoteAddress?: string | undefined } | undefined;
}

/**
 * Reads the client's address behind proxies. Only the last `hops` entries of the header are looked at, from the right: those are
 * what trusted proxies wrote, and everything before them is what a client may have made up. The walk ends early at the first entry
 * that is missing or no address (`unknown`, `_hidden`, garbage): the request then counts for the last address that is known.
 */
export function createClientAddressOf({ hops, header }: ProxyTrust): ClientAddressOf {
  const addressOf = header === "forwarded" ? forwardedFor : nodeAddress;
  return (req) => {
    let address = req.socket?.remoteAddress ?? "";
    let rest = hops === 0 ? undefined : headerOf(req, header);
    for (let hop = 0; hop < hops && rest !== undefined; hop++) {
      const { last, before } = splitLast(rest);
      const found = addressOf(last.trim());
      if (found === undefined) break;
      address = found;
      rest = before;
    }
    return plainAddress(address);
  };
}

/** The last element of a list and what stands before it. From the right, so that a quote that a client left open hides nothing. */
function splitLast(list: string): { last: string; before: string | undefined } {
  let quoted = false;
  for (let at = list.length - 1; at >= 0; at--) {
    if (list[at] === '"') quoted = !quoted;
    if (list[at] === "," && !quoted) return { last: list.slice(at + 1), before: list.slice(0, at) };
  }
  return { last: list, before: undefined };
}

/** The `for` of one element of Forwarded (RFC 7239, section 4). */
function forwardedFor(element: string): string | undefined {
  const pairs = element.split(";").map((pair) => pair.trim());
  const [node, second] = pairs.filter((pair) => /^for=/i.test(pair)).map((pair) => pair.slice("for=".length));
  if (node === undefined || second !== undefined) return undefined;
  return nodeAddress(/^"(.*)"$/.exec(node)?.[1] ?? node);
}

/** The address of a node: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`; undefined for all else. */
function nodeAddress(node: string): string | undefined {
  if (node.includes("%")) return undefined;
  if (isIP(node) !== 0) return node;
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(node)?.[1];
  if (bracketed !== undefined) return isIPv6(bracketed) ? bracketed : undefined;
  const [host = "", port = ""] = node.split(":");
  return isIPv4(host) && node === `${host}:${port}` && /^\d{1,5}$/.test(port) ? host : undefined;
}
