import { createHash, webcrypto } from "node:crypto";
import { LRUCache } from "lru-cache";
import { formatDocument, formatPublishedAt } from "../../bundle/document.js";
import type { Bundle, Content } from "../../core/bundle.js";
import { AppError } from "../../core/error.js";
import type { Environment } from "../../core/organization.js";
import type { Documents } from "../documents/documents.js";
import type { DocumentDigests } from "../documents/kept-document.js";
import type { KeyRing } from "../keys/key-ring.js";
import type { Reader } from "../../store/store.js";

/** Cached bundles that this process verified or signed. */
const MAX_KNOWN = 50_000;
/** Texts of at most this many bytes are hashed on the event loop. */
const MAX_INLINE_CHARACTERS = 64 * 1024;

/** A bundle that this process verified or signed. */
interface KnownBundle {
  /** A hash of everything signed and served; the content is included by its id. */
  readonly fingerprint: string;
  readonly digests: DocumentDigests;
}

/**
 * Verifies that a bundle in the database is what was signed, before it is signed again or served: disks fail, and an attacker who can
 * write to the database must not get the changes signed.
 */
export class BundleVerifier {
  /** By bundle id. */
  readonly #known = new LRUCache<string, KnownBundle>({ max: MAX_KNOWN });

  constructor(private readonly deps: { readonly ring: KeyRing; readonly documents: Pick<Documents, "verify"> }) {}

  /** Adds a bundle that was signed by this process: from now on only its content is checked. */
  made(bundle: Bundle & DocumentDigests): void {
    const { documentSha256, contentSize } = bundle;
    this.#known.set(bundle.id, { fingerprint: fingerprintOf(bundle), digests: { documentSha256, contentSize } });
  }

  /**
   * Throws `data_loss` unless the bundle belongs to the environment, and its hash and its signatures, by a trusted key, verify. Returns what
   * is attested of it.
   */
  async require(bundle: Bundle, content: Content, environment: Environment): Promise<DocumentDigests> {
    const wrong = await this.#verify(bundle, content, environment);
    if (typeof wrong !== "string") return wrong;
    const which = `version ${bundle.version} of "${environment.name}"`;
    throw new AppError("data_loss", `${which} differs from what was signed: ${wrong}; publish it again`);
  }

  /** Throws `conflict` (`key_retired`) for a bundle whose key was retired: nothing makes it active again. */
  async requireUsableKey(reader: Reader, bundle: Bundle): Promise<void> {
    await this.deps.ring.requireUsable(reader, bundle);
  }

  /** For content without a signature: throws `data_loss` unless its id is its hash. */
  async requireContent(content: Content): Promise<void> {
    if (await isItself(content)) return;
    throw new AppError("data_loss", "the content differs from what was submitted: submit it again");
  }

  /** Its digests, or what is wrong. */
  async #verify(bundle: Bundle, content: Content, environment: Environment): Promise<DocumentDigests | string> {
    if (!isOf(bundle, environment)) return "it was made for another environment";
    if (content.id !== bundle.contentId || !(await isItself(content))) return "its content was changed";
    const fingerprint = fingerprintOf(bundle);
    const known = this.#known.get(bundle.id);
    if (known?.fingerprint === fingerprint) return known.digests;
    const { ring, documents } = this.deps;
    const key = await ring.ofBundle(bundle);
    if (key === null) return `no key of this server endorses its key ${bundle.keyId}`;
    // On behalf of the publisher, whose token may be deleted.
    const owner = { orgId: bundle.orgId, tokenId: 0 };
    const digests = await documents.verify(owner, documentOf(bundle, content), key.bytes);
    if (typeof digests === "string") return digests;
    const { documentSha256, contentSize } = bundle;
    // Bundles of earlier releases have neither.
    if (documentSha256 !== null && documentSha256 !== digests.documentSha256)
      return "the digest of its document was changed";
    if (contentSize !== null && contentSize !== digests.contentSize) return "the size of its content was changed";
    this.#known.set(bundle.id, { fingerprint, digests });
    return digests;
  }
}

/** The document of a bundle, as `latest` and watch serve it; independent of its activations. */
export function documentOf(bundle: Bundle, content: Content): string {
  return formatDocument({
    identity: {
      bundleId: bundle.id,
      orgId: bundle.orgId,
      projectId: bundle.projectId,
      environment: bundle.environment,
      publishedAt: formatPublishedAt(bundle.publishedAt),
    },
    policiesText: content.policies,
    scopePoliciesText: content.scopePolicies,
    policyHash: bundle.policyHash,
    signature: bundle.signature,
    signatureV2: bundle.signatureV2,
    bundleVersion: bundle.version,
    keyId: bundle.keyId,
  });
}

/** A valid bundle of another environment or tenant must not be served here. */
function isOf(bundle: Bundle, { id, orgId, projectId, name }: Environment): boolean {
  const isIts = bundle.environmentId === id && bundle.environment === name;
  return isIts && bundle.orgId === orgId && bundle.projectId === projectId;
}

function fingerprintOf(bundle: Bundle): string {
  return createHash("sha256")
    .update(
      documentOf(bundle, { id: bundle.contentId, policies: JSON.stringify(bundle.contentId), scopePolicies: "{}" }),
    )
    .update(JSON.stringify([bundle.documentSha256, bundle.contentSize]))
    .digest("base64");
}

/** Whether the id is the hash of the texts (policy-content.ts). Large texts are hashed off the event loop. */
async function isItself({ id, policies, scopePolicies }: Content): Promise<boolean> {
  const bytes = Buffer.from(`${policies}\n${scopePolicies}`);
  const digest =
    bytes.length <= MAX_INLINE_CHARACTERS
      ? createHash("sha256").update(bytes).digest()
      : Buffer.from(await webcrypto.subtle.digest("SHA-256", bytes));
  return digest.toString("hex") === id;
}
