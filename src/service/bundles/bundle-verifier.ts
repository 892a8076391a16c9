import { createHash, webcrypto } from "node:crypto";
import { LRUCache } from "lru-cache";
import { formatDocument, formatPublishedAt } from "../../bundle/document.js";
import type { Bundle, Content } from "../../core/bundle.js";
import { AppError } from "../../core/error.js";
import type { Environment } from "../../core/organization.js";
import type { Documents } from "../documents/documents.js";
import type { KeyRing } from "../keys/key-ring.js";

/** Bundles that were found good, or made, by this process. */
const MAX_KNOWN = 50_000;
/** Up to so many characters are hashed at once. */
const MAX_INLINE_CHARACTERS = 64 * 1024;

/**
 * Whether what the database has of a bundle is what was signed. Asked before anything of it is signed again, and before it is served:
 * disks err, and who can write to the database must not have his changes signed.
 */
export class BundleVerifier {
  /** By bundle id, a hash of all that is signed and served. Its content is named by its own hash. */
  readonly #known = new LRUCache<string, string>({ max: MAX_KNOWN });

  constructor(private readonly deps: { readonly ring: KeyRing; readonly documents: Documents }) {}

  /** A bundle that was signed here, of which only the content has to be looked at from now on. */
  made(bundle: Bundle): void {
    this.#known.set(bundle.id, fingerprintOf(bundle));
  }

  /**
   * Throws `data_loss` unless it was made for the environment where the database has it, and its hash and its signatures, by a key that
   * counts, are good.
   */
  async require(bundle: Bundle, content: Content, environment: Environment): Promise<void> {
    const wrong = await this.#wrong(bundle, content, environment);
    if (wrong === null) return;
    const which = `version ${bundle.version} of "${environment.name}"`;
    throw new AppError("data_loss", `${which} differs from what was signed: ${wrong}; publish it again`);
  }

  /** The same for a content that nobody signed: it is the one that its id names. */
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
    if (key === null) return `no key of this server vouches for its key ${bundle.keyId}`;
    // As whoever published it, whose tokens may be gone.
    const owner = { orgId: bundle.orgId, tokenId: 0 };
    const wrong = await documents.verify(owner, documentOf(bundle, content), key.bytes);
    if (wrong === null) this.#known.set(bundle.id, fingerprint);
    return wrong;
  }
}

/** What `latest` and watch serve: the bundle alone, nothing of its activations. */
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

/** A good bundle of another environment, or of another tenant, is a wrong one here. */
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

/** Whether the texts are those that the id is the hash of (policy-content.ts). Large ones are hashed beside the event loop. */
async function isItself({ id, policies, scopePolicies }: Content): Promise<boolean> {
  const bytes = Buffer.from(`${policies}\n${scopePolicies}`);
  const digest =
    bytes.length <= MAX_INLINE_CHARACTERS
      ? createHash("sha256").update(bytes).digest()
      : Buffer.from(await webcrypto.subtle.digest("SHA-256", bytes));
  return digest.toString("hex") === id;
}
