import { createHash, createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { open } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import type { TlsMaterial } from "../api/listener/tls-termination.js";
import { AppError } from "../core/error.js";
import { isOutOfFiles, RAISE_OPEN_FILES } from "../config/open-files.js";

/** A chain of certificates has some kilobytes, a bundle of all public roots some hundred. */
const MAX_FILE_BYTES = 1024 * 1024;

/** Where a server's certificate is. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  /** The CAs of client certificates; null when clients need none. */
  readonly clientCa: string | null;
}

/** A certificate that a server can use. */
export interface ServerCertificate {
  readonly material: TlsMaterial;
  /** As in the certificate, for a person. */
  readonly subject: string;
  readonly notAfter: Date;
  /** Identifies certificate, key and client CA together. Reveals nothing of the key. */
  readonly digest: string;
}

/**
 * Reads a certificate, its key and the client CA, and checks that a server can use them now: complete PEM, a key that belongs to the
 * certificate, a time between its two dates, nothing that OpenSSL refuses.
 *
 * Throws `invalid` with the file and the problem.
 */
export async function readServerCertificate(files: CertificateFiles, now: Date): Promise<ServerCertificate> {
  const cert = await readPem(files.cert);
  const key = await readPem(files.key);
  const clientCa = files.clientCa === null ? null : await readPem(files.clientCa);
  const [leaf] = parseCertificates(files.cert, cert);
  checkDates(files.cert, leaf, now);
  if (!leaf.checkPrivateKey(parseKey(files.key, key))) {
    throw new AppError("invalid", `the key ${files.key} does not belong to the certificate ${files.cert}`);
  }
  if (files.clientCa !== null && clientCa !== null) parseCertificates(files.clientCa, clientCa);
  const material = { cert, key, clientCa };
  tryOut(files.cert, material);
  const digest = createHash("sha256").update(JSON.stringify(material)).digest("hex");
  return { material, subject: leaf.subject.replaceAll("\n", ", "), notAfter: new Date(leaf.validTo), digest };
}

async function readPem(path: string): Promise<string> {
  try {
    await using file = await open(path);
    const buffer = Buffer.alloc(MAX_FILE_BYTES + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      length += bytesRead;
      if (length > MAX_FILE_BYTES) throw new AppError("invalid", `${path} is larger than ${MAX_FILE_BYTES} bytes`);
      if (bytesRead === 0) return buffer.toString("utf8", 0, length);
    }
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
    const advice = isOutOfFiles(cause) ? ` (too many open files: ${RAISE_OPEN_FILES})` : "";
    throw new AppError("invalid", `cannot read ${path}: ${code}${advice}`, { cause });
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** At least one. OpenSSL would take the good ones before a broken one, and so half of a chain. */
function parseCertificates(path: string, pem: string): readonly [X509Certificate, ...X509Certificate[]] {
  const complete = pem.match(CERTIFICATE) ?? [];
  if (complete.length !== pem.split("-----BEGIN").length - 1) {
    throw new AppError("invalid", `${path} is truncated, or contains something other than certificates (PEM)`);
  }
  const [first, ...others] = complete.map((text) => parseCertificate(path, text));
  if (first === undefined) throw new AppError("invalid", `${path} contains no certificate (PEM)`);
  return [first, ...others];
}

function parseCertificate(path: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new AppError("invalid", `${path} contains a broken certificate`, { cause });
  }
}

function parseKey(path: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new AppError("invalid", `${path} contains no private key (PEM without a passphrase)`, { cause });
  }
}

function checkDates(path: string, { validFrom, validTo }: X509Certificate, now: Date): void {
  if (now > new Date(validTo)) throw new AppError("invalid", `the certificate ${path} expired on ${validTo}`);
  if (now < new Date(validFrom))
    throw new AppError("invalid", `the certificate ${path} is not valid before ${validFrom}`);
}

/** For what only OpenSSL knows, such as a key that is too short. */
function tryOut(path: string, { cert, key, clientCa }: TlsMaterial): void {
  try {
    createSecureContext({ cert, key, ...(clientCa === null ? {} : { ca: clientCa }) });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AppError("invalid", `OpenSSL refuses the certificate ${path}: ${why}`, { cause });
  }
}
