import { createHash } from "node:crypto";
import type { OpaFile } from "../../bundle/opa/opa-file.js";
import type { OpaActivation } from "../../bundle/opa/opa-manifest.js";
import { aroundSignatures, storedOpaContent, unsignedOpaBundle } from "../../bundle/opa/opa-bundle.js";
import { formatSignatures, SIGNATURES_FILE } from "../../bundle/opa/opa-signature.js";
import type { MediaType } from "../../core/bundle.js";
import { yamlOrProblem } from "../../yaml/yaml-or-problem.js";
import { formatUstarMember, ustarEnd } from "../../tar/ustar.js";

/** An activation to make an archive of. */
export interface OpaArchiveRequest {
  readonly activation: OpaActivation;
  /** The bundle document of the activation, which was verified. */
  readonly document: string;
  /** What the policies of the document are. */
  readonly mediaType: MediaType;
  /** The id of the key that will sign. */
  readonly keyId: string;
}

/** A tar file without its signature, which stands between two parts of it. */
export interface UnsignedOpaTar {
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  /** The ASCII text to be signed. */
  readonly signingInput: string;
}

/**
 * The archive of an activation, in one go, so that a thread can do it. Throws `invalid` for a document that is no JSON, which none that is
 * kept is.
 */
export function unsignedOpaTar({ activation, document, mediaType, keyId }: OpaArchiveRequest): UnsignedOpaTar {
  const content = storedOpaContent(document, mediaType, yamlOrProblem);
  const { files, signingInput } = unsignedOpaBundle(activation, content, { keyId, sha256Hex });
  const [before, after] = aroundSignatures(files);
  return { before: tarOf(before), after: tarOf(after), signingInput };
}

/** The tar file with its signature, in the parts of which it consists. `signature` is r and s over the signing input. */
export function signedOpaTar(
  { before, after, signingInput }: UnsignedOpaTar,
  signature: Uint8Array,
): readonly Uint8Array[] {
  const text = Buffer.from(formatSignatures(signingInput, signature));
  return [before, formatUstarMember(SIGNATURES_FILE, text), after, ustarEnd()];
}

function tarOf(files: readonly OpaFile[]): Uint8Array {
  return new Uint8Array(Buffer.concat(files.map(({ name, bytes }) => formatUstarMember(name, bytes))));
}

function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
