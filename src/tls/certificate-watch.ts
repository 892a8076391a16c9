import { watch, type FSWatcher } from "node:fs";
import { dirname } from "node:path";
import type { Logger } from "pino";
import { readServerCertificate, type CertificateFiles, type ServerCertificate } from "./certificate.js";
import type { Clock } from "../core/clock.js";

/** The files to watch, and the use of what they hold. */
export interface CertificateWatchOptions {
  readonly files: CertificateFiles;
  /** The certificate in use. */
  readonly current: ServerCertificate;
  /** Replaces the certificate in use; throws when it cannot. */
  readonly use: (certificate: ServerCertificate) => void;
  /** After a change is seen, for how long nothing more may change: certificate and key are written one after the other. */
  readonly settleMs: number;
  /** How often the files are read without a notification: some file systems send none, and a directory may be replaced. */
  readonly pollMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Keeps a server on the newest certificate that its files hold. */
export interface CertificateWatch extends AsyncDisposable {
  /**
   * Reads the files now. Never rejects: problems are logged, and the previous certificate stays in use. That it is
   * unchanged is logged here only.
   */
  reload(): Promise<void>;
}

const UNCHANGED = "the TLS certificate is unchanged";

/**
 * Watches the directories of the files, and so sees a file that is replaced by rename and the symbolic link that Kubernetes swaps.
 * A certificate that cannot be used is refused in the log, once, and looked at again with the next change or poll.
 */
export function watchCertificate(options: CertificateWatchOptions): CertificateWatch {
  const { files, use, settleMs, pollMs, clock, log } = options;
  let inUse = options.current;
  let lastRefusal = "";
  let running: Promise<void> = Promise.resolve();

  const check = async (isAsked: boolean) => {
    try {
      const found = await readServerCertificate(files, clock.now());
      lastRefusal = "";
      if (found.digest === inUse.digest) {
        if (isAsked) log.info({ subject: found.subject, notAfter: found.notAfter.toISOString() }, UNCHANGED);
        return;
      }
      use(found);
      inUse = found;
      log.info({ subject: found.subject, notAfter: found.notAfter.toISOString() }, "the TLS certificate was replaced");
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      if (reason === lastRefusal) return;
      lastRefusal = reason;
      log.error({ reason }, "the TLS certificate was refused; the one before stays in use");
    }
  };
  // One after the other: the last one to read is the last one to decide.
  const reload = (isAsked: boolean) => (running = running.then(() => check(isAsked)));

  let settling: NodeJS.Timeout | undefined;
  const changed = () => {
    clearTimeout(settling);
    settling = setTimeout(() => void reload(false), settleMs).unref();
  };
  const watchers = watchDirectories(files, changed, log);
  const poll = setInterval(() => void reload(false), pollMs).unref();
  return {
    reload: () => {
      // An explicit request logs a refusal again.
      lastRefusal = "";
      return reload(true);
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(settling);
      clearInterval(poll);
      for (const watcher of watchers) watcher.close();
      await running;
    },
  };
}

function watchDirectories({ cert, key, clientCa }: CertificateFiles, changed: () => void, log: Logger): FSWatcher[] {
  const paths = clientCa === null ? [cert, key] : [cert, key, clientCa];
  return [...new Set(paths.map((path) => dirname(path)))].flatMap((directory) => {
    try {
      const watcher = watch(directory, { persistent: false }, changed);
      // The directory was removed; polling continues.
      watcher.on("error", () => watcher.close());
      return [watcher];
    } catch (thrown) {
      log.warn({ directory, err: thrown }, "cannot watch for new TLS certificates; they are looked for every minute");
      return [];
    }
  });
}
