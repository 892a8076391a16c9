import { readdir, statfs } from "node:fs/promises";
import { fine, problem, warning } from "../../core/finding.js";
import { formatBytes } from "../../core/printable.js";
import { openFileLimit, RAISE_OPEN_FILES } from "../../config/open-files.js";
import { readServerCertificate } from "../../tls/certificate.js";
import { LOW_SHARE } from "../disk/disk-watch.js";
import { DatabaseGrowth } from "../disk/growth.js";
import { DiskReserve } from "../disk/reserve.js";
import { daysBetween, type Check } from "./check.js";

/** With space for less than this at the present rate it is an error, and for less than the other a warning. */
const MIN_DAYS = 1;
const FEW_DAYS = 14;
/** Certificates are renewed earlier than this. */
const EXPIRES_SOON_DAYS = 14;
/** How far the newest event may be ahead of the clock. */
const MAX_AHEAD_MS = 60_000;
/** From this part of the open files on new connections are about to be closed. */
const NEARLY_ALL = 0.8;

/** Whether the disk has space for the next days. */
export const DISK: Check = {
  id: "disk-space",
  async run({ directory, clock, config }) {
    const { bavail, blocks, bsize } = await statfs(directory);
    const free = bavail * bsize;
    const share = blocks === 0 ? 1 : bavail / blocks;
    const now = clock.now();
    const growth = new DatabaseGrowth(directory).rate(now);
    const days = growth === null || growth.bytesPerDay === 0 ? Infinity : free / growth.bytesPerDay;
    const rate =
      growth === null
        ? "; its growth is not known before the server has run for six hours"
        : `; it grows by ${formatBytes(growth.bytesPerDay)} a day`;
    const lasts = days === Infinity ? "" : `, which lasts ${days < 10 ? days.toFixed(1) : Math.round(days)} days`;
    const text = `${formatBytes(free)} of ${formatBytes(blocks * bsize)} are free${rate}${lasts}`;
    const remedy = "make room on the file system, or delete old versions with signet prune";
    const isReleased = config.diskReserveBytes > 0 && new DiskReserve(directory).isReleased;
    if (isReleased) return [problem("disk-space", `the disk is full, and its reserve is in use: ${text}`, remedy)];
    if (days < MIN_DAYS) return [problem("disk-space", text, remedy)];
    if (days < FEW_DAYS || share < LOW_SHARE) return [warning("disk-space", text, remedy)];
    return [fine("disk-space", text)];
  },
};

/** Whether the clock is behind what was recorded. */
export const CLOCK: Check = {
  id: "clock",
  async run({ read, clock }) {
    const operator = await read.operatorOrganization();
    const newest = operator === null ? null : await read.auditHead(operator.id);
    if (newest === null) return [fine("clock", "nothing is recorded yet that it could be behind of")];
    const aheadMs = Date.parse(newest.createdAt) - clock.now().getTime();
    if (aheadMs <= MAX_AHEAD_MS) return [fine("clock", `it is past the newest event, of ${newest.createdAt}`)];
    const text = `the clock is ${Math.round(aheadMs / 1000)} s behind the newest event, of ${newest.createdAt}`;
    return [problem("clock", text, "check the time of the machine (timedatectl, chronyc tracking): it was set back")];
  },
};

/** Whether the process may open as many files as its connections need. */
export const FILES: Check = {
  id: "open-files",
  async run({ config }) {
    const limit = openFileLimit();
    if (limit === null) return [fine("open-files", "the system does not tell the limit")];
    const open = (await readdir("/proc/self/fd")).length;
    const text = `${open} of ${limit} files are open, and ${config.maxConnections} connections are configured`;
    const remedy = `${RAISE_OPEN_FILES}, or lower SIGNET_MAX_CONNECTIONS`;
    if (open >= limit * NEARLY_ALL) return [problem("open-files", text, remedy)];
    if (limit < config.maxConnections) return [warning("open-files", text, remedy)];
    return [fine("open-files", text)];
  },
};

/** Whether the certificate of the port is valid, and for how long. */
export const CERTIFICATE: Check = {
  id: "certificate",
  async run({ config, clock }) {
    const { tlsCert: cert, tlsKey: key, tlsClientCa: clientCa } = config;
    if (cert === null || key === null) return [fine("certificate", "the port has no TLS of its own")];
    const now = clock.now();
    const { notAfter } = await readServerCertificate({ cert, key, clientCa }, now);
    const days = daysBetween(now, notAfter);
    const text = `the certificate is valid until ${notAfter.toISOString().slice(0, 10)}, for ${Math.floor(days)} days`;
    if (days >= EXPIRES_SOON_DAYS) return [fine("certificate", text)];
    return [warning("certificate", text, "renew it: the server takes the new files by itself")];
  },
};
