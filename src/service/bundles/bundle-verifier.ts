import { createHash, webcrypto } from "node:crypto";
import { LRUCache } from "lru-cache";
import { formatDocument, formatPublishedAt } from "../../bundle/document.js";
import type { Bundle, Content } from "../../core/bundle.js";
import { AppError } from "../../core/error.js";
import type { Environment } from "../../core/organization.js";
import type { Documents } from "../documents/documents.js";
import type { KeyRing } from "../keys/key-ring.js";
import type { Reader } from "../../store/store.js";

/** Cached bundles that this process verified or signed. */
const MAX_KNOWN = 50_000;
/** Texts of at most this many bytes are hashed on the event loop. */
const MAX_INLINE_CHARACTERS = 64 * 1024;

/**
 * Verifies that a bundle in the database is what was signed, before it is signed again or served: disks fail, and an attacker who can
 * write to the database must not get the changes signed.
 */
export class BundleVerifier {
  /** By bundle id, a hash of everything signed and served; the content is included by its id. */
  readonly #known = new LRUCache<string, string>({ max: MAX_KNOWN });

  constructor(private readonly deps: { readonly ring: KeyRing; readonly documents: Pick<Documents, "verify"> }) {}

  /** Adds a bundle that was signed by this process: from now on only its content is checked. */
  made(bundle: Bundle): void {
    this.#known.set(bundle.id, fingerprintOf(bundle));
  }

  /**
   * Throws `data_loss` unless the bundle belongs to the environment, and its hash and its signatures, by a trusted key, verify.
   */
  async require(bundle: Bundle, content: Content, environment: Environment): Promise<void> {
    const wrong = await this.#wrong(bundle, content, environment);
    if (wrong === null) return;
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

  async #wrong(bundle: Bundle, content: Content, environment: Environment): Promise<string | null> {
    if (!isOf(bundle, environment)) return "it was made for another environment";
    if (content.id !== bundle.contentId || !(await isItself(content))) return "its content was changed";
    const fingerprint = fingerprintOf(bundle);
    if (this.#known.get(bundle.id) === fingerprint) return null;
    const { ring, documents } = this.deps;
    const key = await ring.ofBundle(bundle);
    if (key === null) return `no key of this server endorses its key ${bundle.keyId}`;
    // On behalf of the publisher, whose token may be deleted.
    const owner = { orgId: bundle.orgId, tokenId: 0 };
    const wrong = await documents.verify(owner, documentOf(bundle, content), key.bytes);
    if (wrong === null) this.#known.set(bundle.id, fingerprint);
    return wrong;
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
