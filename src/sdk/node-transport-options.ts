/** The server of a Node transport. */
export interface NodeTransportOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly url: string;
  /** The limit for a call, in milliseconds; a watch has none. */
  readonly timeoutMs: number;
  /** For `https:`. Default: the public CAs of Node, and no client certificate. */
  readonly tls?: NodeTransportTls;
}

/** Certificates and a key for TLS, as PEM texts. */
export interface NodeTransportTls {
  /** The CA of the server's certificate, instead of the public CAs. */
  readonly ca?: string | undefined;
  /** The client certificate and its key, if the server requires one. It does not replace the token. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}
