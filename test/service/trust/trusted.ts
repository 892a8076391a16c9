import { parsePublicKey } from "../../../src/bundle/keys.js";
import type { Root } from "../../../src/bundle/trust/root.js";
import type { Principal } from "../../../src/core/token.js";
import type { KnownRelease } from "../../../src/service/trust/releases.js";
import type { PublishedRoot, RootInput } from "../../../src/service/trust/roots.js";
import { aRoot, releaseEnvelope, rootEnvelope, rule, testKey, type TestKey } from "../../support/trust.js";
import type { Fixture } from "../fixture.js";

export const OWNER = testKey("owner");
export const ALICE = testKey("alice");
export const BOB = testKey("bob");
export const CAROL = testKey("carol");
export const AUTHORS = [ALICE, BOB, CAROL];

/** A release of the test's authors. */
export interface ReleaseOf {
  readonly number?: number;
  readonly expiresAt?: string | null;
  readonly mediaType?: string;
}

/** The roots and releases of the fixture's project. */
export class Trusted {
  constructor(private readonly signet: Fixture) {}

  /** Version 1 with the server's key, one owner, and `threshold` of three authors. */
  async root(threshold: number, changes: Partial<Root> = {}): Promise<Root> {
    const { orgId, projectId, services, admin } = this.signet;
    const { serverKeys } = await services.roots.overview(admin, projectId);
    const [server] = serverKeys;
    if (server === undefined) throw new Error("the server signs with no key");
    const root = aRoot({ orgId, projectId, server, owner: OWNER, authors: AUTHORS });
    return { ...root, roles: { ...root.roles, release: rule(threshold, ...AUTHORS) }, ...changes };
  }

  async publish(root: Root, input: Partial<RootInput> = {}, caller = this.signet.admin): Promise<PublishedRoot> {
    return await this.give(await rootEnvelope(root, OWNER), input, caller);
  }

  async give(envelope: string, input: Partial<RootInput> = {}, caller = this.signet.admin): Promise<PublishedRoot> {
    const all = { envelope, force: false, dryRun: false, reason: null, ...input };
    return await this.signet.services.roots.publish(caller, this.signet.projectId, all);
  }

  /** Publishes version 1 with this threshold. */
  async begin(threshold: number, changes: Partial<Root> = {}): Promise<Root> {
    const root = await this.root(threshold, changes);
    await this.publish(root);
    return root;
  }

  async release(
    contents: Readonly<Record<string, string>>,
    keys: readonly TestKey[],
    facts: ReleaseOf = {},
  ): Promise<string> {
    const { orgId, projectId } = this.signet;
    return await releaseEnvelope({ orgId, projectId, contents, ...facts }, ...keys);
  }

  async upload(envelope: string, caller: Principal = this.signet.admin): Promise<KnownRelease> {
    return await this.signet.services.releases.upload(caller, this.signet.projectId, envelope);
  }
}

/** The key of a PEM, which another server has. */
export function otherServer(): TestKey["publicKey"] {
  return parsePublicKey(testKey("another server").signer.publicKeyPem);
}
