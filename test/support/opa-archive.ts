import { createHash, createPublicKey, verify } from "node:crypto";
import { gunzipSync } from "node:zlib";

/** The files of an archive by name, read with no code of ours. Throws an Error for what OPA's configuration does not expect. */
export function readArchive(gzipped: Uint8Array): Map<string, Buffer> {
  if (gzipped[0] !== 0x1f || gzipped[1] !== 0x8b) throw new Error("not gzip");
  if (Buffer.from(gzipped).readUInt32LE(4) !== 0) throw new Error("gzip has a time");
  const tar = gunzipSync(gzipped);
  const files = new Map<string, Buffer>();
  let offset = 0;
  for (; tar[offset] !== 0;) {
    const header = tar.subarray(offset, offset + 512);
    const field = (start: number, end: number) => header.toString("utf8", start, end).replace(/\0.*$/s, "");
    if (field(257, 263) !== "ustar") throw new Error("not ustar");
    const [mode, uid, gid, modified, type] = [
      field(100, 108),
      field(108, 116),
      field(116, 124),
      field(136, 148),
      field(156, 157),
    ];
    const plain = [
      parseInt(mode, 8) === 0o644,
      parseInt(uid, 8) === 0,
      parseInt(gid, 8) === 0,
      parseInt(modified, 8) === 0,
    ];
    if (plain.includes(false) || type !== "0")
      throw new Error(`not a plain member: ${[mode, uid, gid, modified, type].join()}`);
    const name = [field(345, 500), field(0, 100)].filter((part) => part !== "").join("/");
    const size = parseInt(field(124, 136), 8);
    if (files.has(name)) throw new Error(`twice: ${name}`);
    files.set(name, tar.subarray(offset + 512, offset + 512 + size));
    offset += 512 + Math.ceil(size / 512) * 512;
  }
  if (tar.length - offset < 1024 || tar.subarray(offset).some((byte) => byte !== 0)) throw new Error("no end of tar");
  return files;
}

/** What the JWT of an archive says. */
export interface ArchiveClaims {
  readonly header: Readonly<Record<string, unknown>>;
  readonly files: readonly { readonly name: string; readonly hash: string; readonly algorithm: string }[];
  readonly scope: string;
  readonly iat: number;
  readonly iss: string;
}

/**
 * The claims of an archive whose signature and hashes are right, by OpenSSL and no code of ours; the hash of each file is taken over its
 * bytes. Throws an Error for anything else.
 */
export function verifiedClaims(files: ReadonlyMap<string, Buffer>, publicKeyPem: string): ArchiveClaims {
  const { signatures } = JSON.parse(String(files.get(".signatures.json"))) as { signatures: string[] };
  const [header = "", payload = "", signature = ""] = signatures.length === 1 ? (signatures[0] ?? "").split(".") : [];
  const key = createPublicKey(publicKeyPem);
  const isSigned = verify(
    "sha256",
    Buffer.from(`${header}.${payload}`),
    { key, dsaEncoding: "ieee-p1363" },
    Buffer.from(signature, "base64url"),
  );
  if (!isSigned) throw new Error("the signature does not verify");
  const parse = (part: string) =>
    JSON.parse(Buffer.from(part, "base64url").toString("utf8")) as Record<string, unknown>;
  const claims = { ...parse(payload), header: parse(header) } as unknown as ArchiveClaims;
  const hashes = [...files]
    .filter(([name]) => name !== ".signatures.json")
    .map(([name, bytes]) => [name, sha256(bytes)]);
  const claimed = claims.files.map(({ name, hash }) => [name, hash]);
  if (JSON.stringify(hashes) !== JSON.stringify(claimed))
    throw new Error(`files are not the signed ones: ${String(hashes)}`);
  return claims;
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
