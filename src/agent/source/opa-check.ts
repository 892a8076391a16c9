import { gunzip } from "node:zlib";
import { promisify } from "node:util";
import { unsignedOpaBundle, type OpaContent, type UnsignedOpaBundle } from "../../bundle/opa/opa-bundle.js";
import type { OpaActivation } from "../../bundle/opa/opa-manifest.js";
import type { OpaFile } from "../../bundle/opa/opa-file.js";
import { SIGNATURES_FILE } from "../../bundle/opa/opa-signature.js";
import { TrustError } from "../../bundle/trust/trust-error.js";
import { sha256Hex } from "../../sdk/runtime/node/node-verifier.js";
import { parseTarHeader, TAR_BLOCK_BYTES, TAR_END_BYTES, tarPadding } from "../../tar/tar-header.js";

/** Above every `.signatures.json` of a bundle of that many files: a name has at most 255 bytes, six for each when escaped, in base64. */
const SIGNATURE_BYTES = 4096;
const SIGNATURE_BYTES_A_FILE = 2560;
const MODE = 0o644;

const unzip = promisify(gunzip);

/** The files of an activation's OPA bundle but for its signatures, and what is signed with a key of that id. */
export function opaBundleOf(activation: OpaActivation, content: OpaContent, keyId = ""): UnsignedOpaBundle {
  return unsignedOpaBundle(activation, content, { keyId, sha256Hex });
}

/** The most bytes that an archive of these files has, packed or not. */
export function maxArchiveBytes(files: readonly OpaFile[]): number {
  const sizes = files.map(({ bytes }) => TAR_BLOCK_BYTES + bytes.length + tarPadding(bytes.length));
  const signatures = SIGNATURE_BYTES + SIGNATURE_BYTES_A_FILE * files.length;
  // Deflate adds five bytes to each 16 KiB that it cannot compress, and gzip has a head.
  const plain = sizes.reduce((sum, size) => sum + size, TAR_END_BYTES + signatures) + 10_240;
  return plain + Math.ceil(plain / 1000) + 1024;
}

/**
 * Checks an archive against a verified activation: its files are exactly those that the content makes, and its signature is over them. The
 * signature itself is for OPA to verify, which has the key.
 *
 * @param expected as {@link opaBundleOf}, by the key id in the archive
 * @throws TrustError `too_large`, `malformed`, or `digest_mismatch` for any other file
 */
export async function checkOpaArchive(
  archive: Uint8Array,
  files: readonly OpaFile[],
  expected: (keyId: string) => string,
): Promise<void> {
  const maxOutputLength = maxArchiveBytes(files);
  if (archive.length > maxOutputLength) throw new TrustError("too_large", "the OPA bundle is larger than its files");
  const tar = await unzip(archive, { maxOutputLength }).catch((cause: unknown) => {
    throw new TrustError("malformed", "the OPA bundle is no gzip of the size of its files", { cause });
  });
  const found = membersOf(tar);
  const signed = found.filter(({ name }) => name === SIGNATURES_FILE);
  const others = found.filter(({ name }) => name !== SIGNATURES_FILE);
  const [signature] = signed;
  if (signed.length !== 1 || signature === undefined) throw new TrustError("malformed", "the OPA bundle is not signed");
  const isSame =
    others.length === files.length &&
    files.every(({ name, bytes }, at) => others[at]?.name === name && Buffer.from(bytes).equals(others[at].bytes));
  if (!isSame) throw new TrustError("digest_mismatch", "the OPA bundle has other files than its content makes");
  requireSignatureOf(signature.bytes.toString("utf8"), expected);
}

/** The members of a tar as Signet writes it. */
function membersOf(tar: Buffer): readonly { readonly name: string; readonly bytes: Buffer }[] {
  const members: { readonly name: string; readonly bytes: Buffer }[] = [];
  let at = 0;
  while (at + TAR_BLOCK_BYTES <= tar.length) {
    const block = tar.subarray(at, at + TAR_BLOCK_BYTES);
    if (block.every((byte) => byte === 0)) break;
    const header = parseTarHeader(block, MODE);
    if (header === null) throw new TrustError("malformed", "the OPA bundle is no tar of regular files");
    const from = at + TAR_BLOCK_BYTES;
    if (from + header.bytes > tar.length) throw new TrustError("truncated", "the OPA bundle ends inside of a file");
    members.push({ name: header.name, bytes: tar.subarray(from, from + header.bytes) });
    at = from + header.bytes + tarPadding(header.bytes);
  }
  if (tar.subarray(at).some((byte) => byte !== 0))
    throw new TrustError("malformed", "the OPA bundle has more than files");
  return members;
}

function requireSignatureOf(text: string, expected: (keyId: string) => string): void {
  const [, header, jwt] = /^\{"signatures":\["(([\w-]+)\.[\w-]+)\.[\w-]+"\]\}$/.exec(text) ?? [];
  if (header === undefined || jwt === undefined)
    throw new TrustError("malformed", "the OPA bundle's signature is no JWT");
  let keyId: unknown;
  try {
    ({ kid: keyId } = JSON.parse(Buffer.from(jwt, "base64url").toString()) as { kid?: unknown });
  } catch (cause) {
    throw new TrustError("malformed", "the OPA bundle's signature is no JWT", { cause });
  }
  if (typeof keyId !== "string" || keyId.length > 64 || expected(keyId) !== header) {
    throw new TrustError("digest_mismatch", "the OPA bundle's signature is of other files");
  }
}
