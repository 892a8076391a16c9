import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parsePublicKey } from "../../../src/bundle/keys.js";
import { envelopeKeyId } from "../../../src/bundle/envelope/dsse.js";
import { canonicalContent } from "../../../src/bundle/policy-hash.js";
import { formatActivation, parseActivation, type ActivationStatement } from "../../../src/bundle/trust/activation.js";
import { parseAttestation, type Attestation } from "../../../src/bundle/trust/attestation.js";
import { formatLease, LEASE_TYPE, parseLease, type Lease } from "../../../src/bundle/trust/lease.js";
import type { Root } from "../../../src/bundle/trust/root.js";
import { STATEMENT_TYPE } from "../../../src/bundle/trust/statement.js";
import { boundedEnvelope, payloadDigest } from "../../../src/bundle/trust/threshold.js";
import { openRuntime } from "../../../src/sdk/node.js";
import type { Runtime, TransportName } from "../../../src/sdk/index.js";
import { createNodeSigner } from "../../../src/service/keys/ed25519-node.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { aRoot, releaseEnvelope, rootEnvelope, rule, signedBy, testKey, type TestKey } from "../../support/trust.js";

export const OWNER = testKey("owner of the attacked site");
export const ALICE = testKey("alice of the attacked site");
export const BOB = testKey("bob of the attacked site");
export const CAROL = testKey("carol of the attacked site");
export const STRANGER = testKey("a stranger");

/** What was served at some time: genuine. */
export interface Served {
  readonly attestation: Attestation;
  readonly content: string;
}

/** A project of level 2 at a real server: two of three authors release for dev, nobody is asked for staging. */
export class Site implements AsyncDisposable {
  /** Newest last. */
  readonly served: Served[] = [];
  #number = 0;

  private constructor(
    readonly signet: TestServer,
    readonly projectId: string,
    private readonly tokens: Readonly<Record<string, string>>,
    /** Of the server: what a thief of its data directory has. */
    readonly online: TestKey,
    private newest: Root,
  ) {}

  static async open(changes: Partial<Root> = {}): Promise<Site> {
    const signet = await startTestServer();
    const { orgId, admin } = signet;
    const { id: projectId, runtimeKeys } = await admin.organizations.createProject({ orgId, name: "attacked" });
    const tokens = Object.fromEntries(runtimeKeys.map(({ envName, rawKey }) => [envName, rawKey ?? ""]));
    const signer = createNodeSigner(readFileSync(join(signet.directory, "attestation-signing-key.pem"), "utf8"));
    const publicKey = parsePublicKey(signer.publicKeyPem);
    const online = { name: "online", id: envelopeKeyId(publicKey), publicKey, signer };
    const root = aRoot(
      { orgId, projectId, server: publicKey, owner: OWNER, authors: [ALICE, BOB, CAROL] },
      { environments: new Map([["dev", { release: rule(2, ALICE, BOB, CAROL) }]]), ...changes },
    );
    const site = new Site(signet, projectId, tokens, online, root);
    await site.#publishRoot(root);
    return site;
  }

  get token(): string {
    return this.tokens["dev"] ?? "";
  }

  get root(): Root {
    return this.newest;
  }

  /** Publishes a new content with a release by two authors, and returns its sequence. */
  async publish(release: { readonly expiresAt?: string } = {}): Promise<number> {
    const { orgId, admin } = this.signet;
    this.#number += 1;
    const policies = `{"number":${this.#number}}`;
    const envelope = await this.release({ dev: canonicalContent(policies, "{}").policyHash }, [ALICE, BOB], release);
    await admin.trust.uploadRelease({ orgId, projectId: this.projectId, envelope });
    await admin.bundles.publishBundle({ orgId, projectId: this.projectId, envName: "dev", policies });
    const served = await this.servedTo("dev");
    this.served.push(served);
    return parseActivation(boundedEnvelope(served.attestation.activation ?? "").payload).sequence;
  }

  /** The envelope of a release of contents. */
  async release(
    contents: Readonly<Record<string, string>>,
    authors: readonly TestKey[],
    facts: { readonly expiresAt?: string; readonly number?: number } = {},
  ): Promise<string> {
    const { orgId } = this.signet;
    return await releaseEnvelope(
      { orgId, projectId: this.projectId, contents, number: this.#number, ...facts },
      ...authors,
    );
  }

  /** Makes and publishes the next root. */
  async nextRoot(changes: Partial<Root> = {}): Promise<string> {
    return await this.#publishRoot({ ...this.newest, version: this.newest.version + 1, ...changes });
  }

  async #publishRoot(root: Root): Promise<string> {
    const envelope = await rootEnvelope(root, OWNER);
    const { orgId, admin } = this.signet;
    await admin.trust.publishRoot({ orgId, projectId: this.projectId, envelope, force: true });
    this.newest = root;
    return envelope;
  }

  /** What another environment is served. */
  async servedTo(environment: string): Promise<Served> {
    return await servedBy(this.signet.url, this.tokens[environment] ?? "");
  }

  /** What dev of another project of the same server is served. */
  async servedToAnotherProject(): Promise<Served> {
    const { orgId, admin, url } = this.signet;
    const { id: projectId, runtimeKeys } = await admin.organizations.createProject({ orgId, name: "neighbour" });
    await admin.bundles.publishBundle({ orgId, projectId, envName: "dev", policies: '{"number":1}' });
    return await servedBy(url, runtimeKeys.find(({ envName }) => envName === "dev")?.rawKey ?? "");
  }

  /** Moves the newest content on to staging, which asks for no release. */
  async promote(): Promise<Served> {
    const { orgId, admin } = this.signet;
    await admin.bundles.publishBundle({
      orgId,
      projectId: this.projectId,
      envName: "staging",
      policies: '{"number":0}',
    });
    return await this.servedTo("staging");
  }

  /** A runtime behind `url`, whose clock is `aheadMs` ahead. */
  async runtime(url: string, transport: TransportName, clock: { aheadMs: number } = { aheadMs: 0 }): Promise<Runtime> {
    const { orgId } = this.signet;
    const soon = { baseMs: 20, maxMs: 40, random: Math.random };
    return await openRuntime({
      url,
      token: this.token,
      trust: { root: await rootEnvelope({ ...this.newest, version: this.newest.version }, OWNER) },
      identity: { orgId, projectId: this.projectId, environment: "dev" },
      instanceId: `attacked-by-${transport}`,
      transports: [transport],
      backoff: soon,
      refusalBackoff: soon,
      now: () => new Date(Date.now() + clock.aheadMs),
    });
  }

  /** What the online key signs, with all else of a genuine attestation. */
  async forged(
    genuine: Attestation,
    { activation = {}, lease = {}, release = genuine.release, keys = [this.online] }: Forgery,
  ): Promise<Attestation> {
    const statement = { ...parseActivation(boundedEnvelope(genuine.activation ?? "").payload), ...activation };
    const activated = await signedBy(STATEMENT_TYPE, formatActivation(statement), keys);
    const leased = {
      ...parseLease(boundedEnvelope(genuine.lease ?? "").payload),
      sequence: statement.sequence,
      activation: payloadDigest(activated),
      ...lease,
    };
    return { ...genuine, activation: activated, lease: await signedBy(LEASE_TYPE, formatLease(leased), keys), release };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.signet[Symbol.asyncDispose]();
  }
}

/** What is forged. */
export interface Forgery {
  readonly activation?: Partial<ActivationStatement>;
  readonly lease?: Partial<Lease>;
  readonly release?: string | null;
  readonly keys?: readonly TestKey[];
}

async function servedBy(url: string, token: string): Promise<Served> {
  const get = async (path: string) => {
    const answer = await fetch(`${url}/v1/bundles/latest/${path}`, { headers: { authorization: `Bearer ${token}` } });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return await answer.text();
  };
  return { attestation: parseAttestation(await get("attestation")), content: await get("content") };
}
