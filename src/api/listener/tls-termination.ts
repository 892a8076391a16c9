import { constants } from "node:crypto";
import type { Socket } from "node:net";
import { createServer, type SecureContextOptions, type TLSSocket, type TlsOptions } from "node:tls";
import { plainAddress } from "../../core/address.js";
import { refuseConnection } from "./connection-refusal.js";

/** Forward secret and authenticated only, which is also all that HTTP/2 allows (RFC 9113, section 9.2.2). */
const CIPHERS = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

/** TLS 1.2 or later, without renegotiation (RFC 9113, section 9.2.1). */
const PROTOCOL = {
  minVersion: "TLSv1.2",
  ciphers: CIPHERS,
  honorCipherOrder: true,
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
} as const satisfies SecureContextOptions;

/** PEM texts. */
export interface TlsMaterial {
  /** The server's certificate, then those that lead to its root. */
  readonly cert: string;
  readonly key: string;
  /** The CAs of client certificates; null asks clients for none. */
  readonly clientCa: string | null;
}

/** The certificate, and the checks of client certificates. */
export interface TlsTerminationOptions {
  readonly material: TlsMaterial;
  /** Whether a client may come without a certificate; only with a `clientCa`. */
  readonly clientCertificates: "optional" | "required";
  /** For a whole handshake, however many bytes arrive meanwhile. */
  readonly handshakeTimeoutMs: number;
  /** Called with the reason when a client is refused. Must not throw. */
  readonly onRefused: (clientAddress: string, reason: string) => void;
}

/** Ends TLS in front of the HTTP servers. */
export interface TlsTermination {
  /** Sets the certificate of new handshakes; open connections keep theirs. Throws, and changes nothing, for what OpenSSL refuses. */
  use(material: TlsMaterial): void;
  /**
   * Shakes hands on a connection, and passes the decrypted socket on with the HTTP version that ALPN chose; HTTP/1.1 for a client
   * without ALPN. A handshake that fails or takes too long (then `tooSlow` is called) ends the connection.
   */
  accept(socket: Socket, decrypted: (socket: TLSSocket, version: "http1" | "http2") => void, tooSlow: () => void): void;
}

interface Handshake {
  readonly decrypted: Parameters<TlsTermination["accept"]>[1];
  readonly timer: NodeJS.Timeout;
}

/** Throws for material that OpenSSL refuses. */
export function createTlsTermination(options: TlsTerminationOptions): TlsTermination {
  const { material, clientCertificates, handshakeTimeoutMs, onRefused } = options;
  const asksForCertificate = material.clientCa !== null;
  const server = createServer({
    ...contextOf(material),
    ALPNProtocols: ["h2", "http/1.1"],
    requestCert: asksForCertificate,
    // Checked below, so that the client gets a reason.
    rejectUnauthorized: false,
  });
  const handshakes = new Map<string, Handshake>();

  server.on("tlsClientError", (error, socket) => {
    onRefused(plainAddress(socket.remoteAddress ?? ""), error.message);
    socket.destroy();
  });
  server.on("secureConnection", (socket) => {
    const handshake = handshakes.get(peerOf(socket));
    if (handshake === undefined) {
      socket.destroy();
      return;
    }
    clearTimeout(handshake.timer);
    // Each HTTP server has a listener of its own; a reset before that must not end the process.
    socket.on("error", () => socket.destroy());
    const version = socket.alpnProtocol === "h2" ? "http2" : "http1";
    const flaw = asksForCertificate ? certificateFlaw(socket, clientCertificates) : null;
    if (flaw === null) {
      handshake.decrypted(socket, version);
      return;
    }
    onRefused(plainAddress(socket.remoteAddress ?? ""), flaw);
    refuseConnection(socket, version, flaw);
  });

  return {
    use: (next) => server.setSecureContext(contextOf(next)),
    accept: (socket, decrypted, tooSlow) => {
      const peer = peerOf(socket);
      const timer = setTimeout(() => {
        tooSlow();
        onRefused(plainAddress(socket.remoteAddress ?? ""), "the TLS handshake took too long");
        socket.destroy();
      }, handshakeTimeoutMs);
      const handshake = { decrypted, timer };
      handshakes.set(peer, handshake);
      socket.once("close", () => {
        clearTimeout(timer);
        if (handshakes.get(peer) === handshake) handshakes.delete(peer);
      });
      server.emit("connection", socket);
    },
  };
}

function contextOf({ cert, key, clientCa }: TlsMaterial): TlsOptions {
  return { ...PROTOCOL, cert, key, ...(clientCa === null ? {} : { ca: clientCa }) };
}

/** The peer's address and port: common to a connection and the TLS socket on top of it. */
function peerOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}

/** The reason to refuse a client's certificate, or null. An untrusted one is refused even where none is needed. */
function certificateFlaw(socket: TLSSocket, mode: "optional" | "required"): string | null {
  const isThere = socket.getPeerX509Certificate() !== undefined;
  if (!isThere) return mode === "optional" ? null : "this server needs a client certificate";
  if (socket.authorized) return null;
  // Its type says Error, but it is a code of OpenSSL.
  return `the client certificate is refused: ${String(socket.authorizationError)}`;
}
