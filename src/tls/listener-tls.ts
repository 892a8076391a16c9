import type { Logger } from "pino";
import { DEFAULT_LIMITS } from "../api/listener/limits.js";
import { createTlsTermination, type TlsTermination } from "../api/listener/tls-termination.js";
import { readServerCertificate } from "./certificate.js";
import { watchCertificate } from "./certificate-watch.js";
import type { Config } from "../config/config.js";
import { systemClock } from "../core/clock.js";

const SETTLE_MS = 500;
const POLL_MS = 60_000;

/** TLS of a server, with the certificate that its files hold at the time. */
export interface ListenerTls extends AsyncDisposable {
  readonly termination: TlsTermination;
  /** When the certificate in use expires. */
  notAfter(): Date;
  /** Reads the files now. Never rejects: problems are logged, and the previous certificate stays in use. */
  reload(): Promise<void>;
}

/** Null when no certificate is configured. Throws `invalid` for one that cannot be used. */
export async function openListenerTls(config: Config, log: Logger): Promise<ListenerTls | null> {
  const { tlsCert, tlsKey, tlsClientCa, tlsClientAuth } = config;
  if (tlsCert === null || tlsKey === null) return null;
  const files = { cert: tlsCert, key: tlsKey, clientCa: tlsClientCa };
  const certificate = await readServerCertificate(files, systemClock.now());
  const termination = createTlsTermination({
    material: certificate.material,
    clientCertificates: tlsClientAuth,
    handshakeTimeoutMs: DEFAULT_LIMITS.firstBytesTimeoutMs,
    onRefused: (clientAddress, reason) => log.info({ clientAddress, reason }, "TLS handshake failed"),
  });
  log.info({ subject: certificate.subject, notAfter: certificate.notAfter.toISOString() }, "TLS certificate in use");
  let { notAfter } = certificate;
  const watching = watchCertificate({
    files,
    current: certificate,
    use: (replaced) => {
      termination.use(replaced.material);
      ({ notAfter } = replaced);
    },
    settleMs: SETTLE_MS,
    pollMs: POLL_MS,
    clock: systemClock,
    log,
  });
  return {
    termination,
    notAfter: () => notAfter,
    reload: () => watching.reload(),
    [Symbol.asyncDispose]: () => watching[Symbol.asyncDispose](),
  };
}
