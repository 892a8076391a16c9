import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import {
  aroundSignatures,
  storedOpaContent,
  unsignedOpaBundle,
  type UnsignedOpaBundle,
} from "../../bundle/opa/opa-bundle.js";
import type { OpaFile } from "../../bundle/opa/opa-file.js";
import type { OpaActivation } from "../../bundle/opa/opa-manifest.js";
import { MAX_OPA_YAML_CHARACTERS } from "../../bundle/opa/opa-policies.js";
import { SIGNATURES_FILE } from "../../bundle/opa/opa-signature.js";
import { TrustError } from "../../bundle/trust/trust-error.js";
import { sha256Hex } from "../../sdk/runtime/node/node-verifier.js";
import { formatUstarMember, ustarEnd } from "../../tar/ustar.js";
import { yamlOrProblem } from "../../yaml/yaml-or-problem.js";

/** Above every `.signatures.json` of a bundle of that many files: names of at most 255 bytes, escaped, and in base64. */
const SIGNATURE_BYTES = 4096;
const SIGNATURE_BYTES_A_FILE = 2560;

const unzip = promisify(gunzip);

/**
 * The files of an activation's OPA bundle but for its signatures, and what is signed with a key of that id.
 *
 * @param content the verified bytes
 * @throws AppError, TypeError for a content that no server publishes
 */
export function opaBundleOf(
  activation: OpaActivation,
  mediaType: string,
  content: Buffer,
  keyId: string,
): UnsignedOpaBundle {
  const files = storedOpaContent(content.toString("utf8"), mediaType, readYaml);
  return unsignedOpaBundle(activation, files, { keyId, sha256Hex });
}

/** The most bytes that an archive of these files has, packed or not. */
export function maxArchiveBytes(files: readonly OpaFile[]): number {
  const plain = tarOf(files).length + SIGNATURE_BYTES + SIGNATURE_BYTES_A_FILE * files.length;
  // Deflate adds five bytes to each 16 KiB that it cannot compress, and gzip has a head.
  return plain + Math.ceil(plain / 1000) + 1024;
}

/**
 * Checks an archive against a verified activation: byte for byte it is what the server makes of the content, with a signature over just
 * that. The signature itself is for OPA to verify, which has the key.
 *
 * @param bundleFor the activation's bundle, by the id of the key that signs it
 * @throws TrustError `malformed`, or `digest_mismatch` for any other file or byte
 */
export async function checkOpaArchive(
  archive: Uint8Array,
  bundleFor: (keyId: string) => UnsignedOpaBundle,
): Promise<void> {
  const { files } = bundleFor("");
  const tar = await unzip(archive, { maxOutputLength: maxArchiveBytes(files) }).catch((cause: unknown) => {
    throw new TrustError("malformed", "the OPA bundle is no gzip of the size of its files", { cause });
  });
  const [filesBefore, filesAfter] = aroundSignatures(files);
  const [before, after] = [tarOf(filesBefore), Buffer.concat([tarOf(filesAfter), ustarEnd()])];
  const isAround = tar.subarray(0, before.length).equals(before) && tar.subarray(-after.length).equals(after);
  const member = tar.subarray(before.length, Math.max(before.length, tar.length - after.length));
  const size = Number.parseInt(member.toString("latin1", 124, 135), 8);
  const signatures = member.subarray(512, 512 + (size || 0));
  if (!isAround || !Buffer.from(formatUstarMember(SIGNATURES_FILE, signatures)).equals(member)) {
    throw new TrustError("digest_mismatch", "the OPA bundle is not what its content makes");
  }
  const signed = signingInputOf(signatures.toString("utf8"));
  if (bundleFor(signed.keyId).signingInput !== signed.input) {
    throw new TrustError("digest_mismatch", "the OPA bundle's signature is of other files");
  }
}

function tarOf(files: readonly OpaFile[]): Buffer {
  return Buffer.concat(files.map(({ name, bytes }) => formatUstarMember(name, bytes)));
}

function signingInputOf(text: string): { readonly input: string; readonly keyId: string } {
  const [, input, header] = /^\{"signatures":\["(([\w-]+)\.[\w-]+)\.[\w-]+"\]\}$/.exec(text) ?? [];
  try {
    const { kid } = JSON.parse(Buffer.from(header ?? "", "base64url").toString()) as { kid?: unknown };
    if (input !== undefined && typeof kid === "string" && kid.length <= 64) return { input, keyId: kid };
  } catch {
    // Below.
  }
  throw new TrustError("malformed", "the OPA bundle is not signed");
}

function readYaml(text: string): ReturnType<typeof yamlOrProblem> {
  // No server publishes more: parsing takes microseconds for each.
  return text.length > MAX_OPA_YAML_CHARACTERS ? { problem: "is too long" } : yamlOrProblem(text);
}
