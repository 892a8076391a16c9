import { OPA_POLICIES } from "../../core/bundle.js";
import { MAX_POLICY_LEVELS, scanStrictJson } from "../strict-json.js";
import { structuredText } from "./structured-json.js";
import { inArchiveOrder, portableSha256Hex, type OpaFile, type Sha256HexOf } from "./opa-file.js";
import { readOpaPolicies, type OpaPolicies, type YamlReader } from "./opa-policies.js";
import { formatManifest, MANIFEST_FILE, opaScope, type OpaActivation } from "./opa-manifest.js";
import { formatSignatures, opaSigningInput, SIGNATURES_FILE } from "./opa-signature.js";

/** The files of an archive before OPA's own are added to them. */
export interface OpaContent {
  /** Under paths that are below `roots`. */
  readonly files: readonly OpaFile[];
  /** The paths of `data` that the bundle owns. */
  readonly roots: readonly string[];
  /** The version of the language of its modules. */
  readonly regoVersion: 0 | 1;
}

/** An archive that has all but its signature. */
export interface UnsignedOpaBundle {
  /** In the order of an archive, with the manifest. */
  readonly files: readonly OpaFile[];
  /** The ASCII text that the key of purpose `opa` signs. */
  readonly signingInput: string;
}

/** How an archive is hashed, and by which key it is signed. */
export interface OpaBundleOptions {
  /** The id of the key that signs. */
  readonly keyId: string;
  /** May be a faster implementation than the portable one. */
  readonly sha256Hex?: Sha256HexOf;
}

/** The root of a plain document in OPA: its policies are `data.signet.policies`. */
export const PLAIN_ROOT = "signet";

/**
 * A plain policy document as OPA's data: one file `signet/data.json` with `{"policies": …, "scope_policies": …}`.
 *
 * @param policies JSON text, accepted by scanStrictJson, as is `scopePolicies`
 */
export function plainContent(policies: string, scopePolicies: string): OpaContent {
  const text = structuredText(`{"policies":${policies},"scope_policies":${scopePolicies}}`);
  return {
    files: [{ name: `${PLAIN_ROOT}/data.json`, bytes: new TextEncoder().encode(text) }],
    roots: [PLAIN_ROOT],
    regoVersion: 1,
  };
}

/**
 * Policies of kind OPA as the files of an archive. A data file is printed in the form in which OPA hashes it, `data.yaml` as JSON, which
 * is YAML too: what it holds is then the same for every parser.
 *
 * @param readYaml reads `data.yaml`
 * @throws TypeError for policies that were not checked by parseOpaPolicies when they were published
 */
export function opaContent({ files, roots, regoVersion }: OpaPolicies, readYaml: YamlReader): OpaContent {
  const encoder = new TextEncoder();
  const file = (name: string, text: string) => ({ name, bytes: encoder.encode(fileText(name, text, readYaml)) });
  return { files: [...files].map(([name, text]) => file(name, text)), roots, regoVersion };
}

function fileText(name: string, text: string, readYaml: YamlReader): string {
  if (name.endsWith(".rego")) return text;
  const read = name.endsWith(".yaml") ? readYaml(text) : { json: text };
  if ("problem" in read) throw new TypeError(`${JSON.stringify(name)} cannot be read: ${read.problem}`);
  return structuredText(read.json);
}

/**
 * The files of an archive, made of the members `policies` and `scope_policies` of a bundle document or of its content.
 *
 * @param text JSON, which the server published: policies of kind OPA were checked by parseOpaPolicies
 * @param readYaml reads `data.yaml`
 * @throws AppError `invalid` for a text that is no JSON, TypeError for policies of kind OPA that were not checked
 */
export function storedOpaContent(text: string, mediaType: string, readYaml: YamlReader): OpaContent {
  // The text is one level around the policies.
  const { spans } = scanStrictJson(text, { maxDepth: MAX_POLICY_LEVELS + 1, base: ["document"] });
  const member = (name: string) => text.slice(spans.get(name)?.start, spans.get(name)?.end);
  return mediaType === OPA_POLICIES
    ? opaContent(readOpaPolicies(member("policies")), readYaml)
    : plainContent(member("policies"), member("scope_policies"));
}

/** The files of an archive before and after the place of `.signatures.json`. */
export function aroundSignatures(files: readonly OpaFile[]): readonly [readonly OpaFile[], readonly OpaFile[]] {
  const ordered = inArchiveOrder([...files, { name: SIGNATURES_FILE, bytes: new Uint8Array() }]);
  const at = ordered.findIndex(({ name }) => name === SIGNATURES_FILE);
  return [ordered.slice(0, at), ordered.slice(at + 1)];
}

/**
 * The archive of an activation, without its signature: always the same bytes for the same activation and key.
 */
export function unsignedOpaBundle(
  activation: OpaActivation,
  { files, roots, regoVersion }: OpaContent,
  { keyId, sha256Hex = portableSha256Hex }: OpaBundleOptions,
): UnsignedOpaBundle {
  const manifest = {
    name: MANIFEST_FILE,
    bytes: new TextEncoder().encode(formatManifest(activation, { roots, regoVersion })),
  };
  const all = inArchiveOrder([manifest, ...files]);
  const issuedAt = Math.floor(Date.parse(activation.activatedAt) / 1000);
  return {
    files: all,
    signingInput: opaSigningInput(keyId, { scope: opaScope(activation), issuedAt, files: all }, sha256Hex),
  };
}

/** The files of the archive in their order, `.signatures.json` among them. `signature` is r and s, 64 bytes, over the signing input. */
export function signedOpaFiles({ files, signingInput }: UnsignedOpaBundle, signature: Uint8Array): readonly OpaFile[] {
  const bytes = new TextEncoder().encode(formatSignatures(signingInput, signature));
  return inArchiveOrder([{ name: SIGNATURES_FILE, bytes }, ...files]);
}
