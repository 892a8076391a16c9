import { once } from "node:events";
import { isIP, type LookupFunction, type Socket, type TcpNetConnectOpts } from "node:net";
import { connect as connectTls } from "node:tls";
import { AppError } from "../core/error.js";
import { waitFor } from "../core/schedule/wait.js";
import { mayConnect, type Destination } from "./address-rules.js";
import type { AllowList } from "./allow-list.js";
import { ADDRESS_REFUSED, allowedAddresses, NO_ALLOWED_ADDRESS, type Resolver } from "./check-target.js";

/** What decides where a socket may lead, and what opens it. */
export interface SocketRules {
  readonly allowList: AllowList;
  readonly resolver: Resolver;
  /** PEM; undefined trusts whom the platform trusts. */
  readonly trustedCertificates: string | undefined;
  connect(options: TcpNetConnectOpts): Socket;
}

/** How long one of several addresses is given before the next is tried as well (RFC 8305, section 5, at its upper end). */
const ATTEMPT_TIMEOUT_MS = 2_000;

/**
 * Opens a connection to a destination, with TLS done for https, after a check of every address that it may use, and of the one that
 * it has, before anything is sent. The name is looked up once: what was checked is what is connected to.
 *
 * @throws AppError `malformed`, reason `webhook_address_refused`; whatever the resolver, the network and TLS say; the abort's reason
 */
export async function openSocket(
  destination: Destination,
  port: number,
  rules: SocketRules,
  signal: AbortSignal,
): Promise<{ readonly socket: Socket; readonly address: string }> {
  const { host, isSecure } = destination;
  const allowed = allowedAddresses(destination, rules.allowList, rules.resolver);
  await waitFor(allowed, Infinity, [signal]);
  const addresses = await allowed;
  const raw = rules.connect({
    host,
    port,
    lookup: pinnedLookup(addresses),
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: ATTEMPT_TIMEOUT_MS,
    noDelay: true,
  });
  let socket = quiet(raw);
  try {
    await once(raw, "connect", { signal });
    const address = raw.remoteAddress;
    if (address === undefined) throw Object.assign(new Error("the connection is closed"), { code: "ECONNRESET" });
    if (!mayConnect(address, destination, rules.allowList)) {
      throw new AppError("malformed", NO_ALLOWED_ADDRESS, { reason: ADDRESS_REFUSED, cause: new Error(address) });
    }
    if (isSecure) {
      // An IP address is no server name (RFC 6066, section 3); it is still what the certificate has to be for.
      const servername = isIP(host) === 0 ? host : "";
      const ca = rules.trustedCertificates;
      socket = quiet(connectTls({ socket: raw, host, servername, ALPNProtocols: ["http/1.1"], ...(ca && { ca }) }));
      await once(socket, "secureConnect", { signal });
    }
    return { socket, address };
  } catch (error) {
    socket.destroy();
    raw.destroy();
    throw error;
  }
}

/** Answers with the addresses that were checked, whatever is asked. */
function pinnedLookup(addresses: readonly string[]): LookupFunction {
  return (_host, _options, callback) => {
    callback(
      null,
      addresses.map((address) => ({ address, family: isIP(address) })),
    );
  };
}

/** The error of an idle socket must not end the process; its next user sees that it is closed. */
function quiet<T extends Socket>(socket: T): T {
  return socket.on("error", () => undefined);
}
