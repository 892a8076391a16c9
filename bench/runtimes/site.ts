import { createPublicKey, createPrivateKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createNobleSigner } from "../../src/bundle/ed25519-noble.js";
import { envelopeKeyId, signEnvelope } from "../../src/bundle/envelope/dsse.js";
import { formatPrivateKey, parsePublicKey, type PublicKey } from "../../src/bundle/keys.js";
import { formatRoot, ROOT_TYPE } from "../../src/bundle/trust/root.js";
import { createSignetClient, type SignetClient } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node.js";

/** A server that runs. */
export interface Served extends AsyncDisposable {
  readonly url: string;
}

/** How a run starts servers, and the token of their admin. */
export interface ServerStart {
  start(directory: string): Promise<Served>;
  readonly token: string;
}

/** The file of the key that signs activations and leases. */
export const ONLINE_KEY = "attestation-signing-key.pem";

const desk = createNobleSigner(formatPrivateKey(new Uint8Array(32).fill(9)));
const deskKey = parsePublicKey(desk.publicKeyPem);

/** The public half of a private key in a directory. */
export async function onlineKeyIn(directory: string): Promise<PublicKey> {
  const pem = await readFile(join(directory, ONLINE_KEY), "utf8");
  return parsePublicKey(createPublicKey(createPrivateKey(pem)).export({ type: "spki", format: "pem" }).toString());
}

/** A project of a server, and what an admin does with it. */
export class Site implements Disposable {
  readonly #connection;
  readonly admin: SignetClient;
  #published = 0;

  constructor(
    { url }: Served,
    { token }: ServerStart,
    readonly ids: { readonly orgId: string; readonly projectId: string } = { orgId: "default", projectId: "default" },
  ) {
    this.#connection = openNodeTransport({ url, timeoutMs: 60_000 });
    this.admin = createSignetClient({ transport: this.#connection.transport, token });
  }

  /** The same with UUIDs, which signed objects have. */
  async identity() {
    const { orgId, id: projectId } = await this.admin.organizations.getProject(this.ids);
    return { orgId, projectId, environment: "dev" };
  }

  async runtimeToken(): Promise<string> {
    const { environments } = await this.admin.organizations.listEnvironments(this.ids);
    const environmentId = environments.find(({ name }) => name === "dev")?.id ?? "";
    const made = await this.admin.tokens.createRuntimeToken({ ...this.ids, environmentId, name: "runtimes" });
    return made.rawKey ?? "";
  }

  /** Publishes the next root, which lets these keys sign activations and leases; returns its envelope. */
  async publishRoot(version: number, online: readonly PublicKey[]): Promise<string> {
    const { orgId, projectId } = await this.identity();
    const ids = online.map(envelopeKeyId);
    const rule = (keyIds: string[]) => ({ threshold: 1, keyIds });
    const root = {
      ...{
        orgId,
        projectId,
        version,
        expiresAt: "2099-01-01T00:00:00Z",
        environments: new Map(),
        revoked: [],
        names: {},
      },
      keys: new Map([deskKey, ...online].map((key) => [envelopeKeyId(key), key])),
      roles: {
        ...{ root: rule([envelopeKeyId(deskKey)]), activation: rule(ids), lease: rule(ids) },
        release: { threshold: 0, keyIds: [] },
      },
      rollback: "server" as const,
    };
    const envelope = await signEnvelope(ROOT_TYPE, formatRoot(root), desk, deskKey);
    await this.admin.trust.publishRoot({ ...this.ids, envelope, force: true });
    return envelope;
  }

  /** Publishes a content that nobody published before: `number` in it tells which. Returns its sequence. */
  async publish(number = (this.#published += 1)): Promise<number> {
    this.#published = Math.max(this.#published, number);
    const policies = JSON.stringify({ number, text: "x".repeat(1024) });
    await this.admin.bundles.publishBundle({ ...this.ids, envName: "dev", policies });
    return (await this.admin.organizations.getEnvironment({ ...this.ids, envName: "dev" })).sequence;
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
  }
}
