import type { AttestationView, Driver, Failure, PolledText, WatchMessage } from "./driver.js";
import {
  artifactPromotionView,
  bundleView,
  deploymentView,
  keyView,
  targetView,
  watchMessage,
  whoView,
  type Message,
} from "./views.js";

type Headers = Readonly<Record<string, string>>;

/** A client library of gRPC, gRPC-Web or Connect. Names are "BundleService/publishBundle"; messages have camel-case names. */
export interface Rpc extends AsyncDisposable {
  call(name: string, request: object, headers: Headers): Promise<Message>;
  stream(name: string, request: object, headers: Headers, signal: AbortSignal): AsyncIterable<RpcEvent>;
  failure(thrown: unknown): Failure;
}

/** A message of a watch with the member of its oneof. */
export interface RpcEvent {
  readonly sequence: number;
  /** As the proto's JSON name: "nothingActive". */
  readonly event: string;
  readonly value: Message;
}

const EVENTS: Readonly<Record<string, WatchMessage["event"]>> = {
  activation: "activation",
  nothingActive: "nothing_active",
  heartbeat: "heartbeat",
  trustRoot: "trust_root",
};

function polled(message: Message, field: "content" | "attestation"): PolledText {
  return {
    notModified: message["notModified"] as boolean,
    text: message[field] as string,
    etag: message["etag"] as string,
    sequence: message["sequence"] as number,
  };
}

/** The driver of anything that speaks the proto's methods. */
export function rpcDriver(rpc: Rpc): Driver {
  const call = (name: string, request: object, headers: Headers = {}) => rpc.call(name, request, headers);
  const many = async (name: string, request: object, field: string) =>
    (await call(name, request))[field] as readonly Message[];
  return {
    publish: async (place, publication, headers) =>
      bundleView(await call("BundleService/publishBundle", { ...place, ...publication }, headers)),
    promote: async ({ orgId, projectId, envName }, promotedBy, headers) => {
      const request = { orgId, projectId, sourceEnv: envName, ...(promotedBy === undefined ? {} : { promotedBy }) };
      return bundleView(await call("BundleService/promoteBundle", request, headers));
    },
    activate: async (place, version, headers) =>
      bundleView(await call("BundleService/activateBundle", { ...place, version }, headers)),
    remove: async (place, version) => {
      await call("BundleService/deleteBundle", { ...place, version });
    },
    list: async (place) => (await many("BundleService/listBundles", place, "bundles")).map(bundleView),
    get: async (place, version) => {
      const message = await call("BundleService/getBundle", { ...place, version });
      const parsed = (name: string) => JSON.parse(message[name] as string) as unknown;
      return {
        ...bundleView(message),
        policies: parsed("policiesJson"),
        scopePolicies: parsed("scopePoliciesJson"),
      };
    },
    document: async (place, version) =>
      (await call("BundleService/getBundleDocument", { ...place, version }))["document"] as string,
    diff: async (place, version, otherVersion) => {
      const { patch } = await call("BundleService/diffBundles", { ...place, version, otherVersion });
      return JSON.parse(patch as string) as unknown;
    },
    deployments: async (place) => {
      const message = await call("BundleService/listDeployments", place);
      const data = message["data"] as readonly Message[];
      return { total: message["total"] as number, data: data.map(deploymentView) };
    },
    latest: async (headers, cursor = {}) => {
      const m = await call("RuntimeService/getLatestBundle", cursor, headers);
      return {
        notModified: m["notModified"] as boolean,
        document: m["document"] as string,
        etag: m["etag"] as string,
        sequence: m["sequence"] as number,
        deploymentId: m["deploymentId"] as string,
      };
    },
    latestContent: async (headers) => polled(await call("RuntimeService/getLatestContent", {}, headers), "content"),
    latestAttestation: async (headers) =>
      polled(await call("RuntimeService/getLatestAttestation", {}, headers), "attestation"),
    deploymentAttestation: async (deploymentId) => {
      const { attestation } = await call("RuntimeService/getDeploymentAttestation", { deploymentId });
      return JSON.parse(attestation as string) as AttestationView;
    },
    async *watch({
      afterSequence = 0,
      afterDeploymentId = "",
      rootVersion = 0,
      content = false,
      headers = {},
      signal,
    }) {
      const cursor = { afterSequence, afterDeploymentId, rootVersion, content };
      const stream = rpc.stream("RuntimeService/watchBundle", cursor, headers, signal);
      for await (const { sequence, event, value } of stream) {
        const name = EVENTS[event];
        if (name === undefined) throw new Error(`unknown event ${event}`);
        yield watchMessage(sequence, name, value);
      }
    },
    keys: async () => (await many("BundleService/listKeys", {}, "keys")).map(keyView),
    whoami: async () => whoView(await call("TokenService/whoAmI", {})),
    promotePipeline: async (id, sourceAppId, targetAppIds) => {
      const request = { id, sourceAppId, targetAppIds: [...targetAppIds] };
      const { promotions } = await call("PipelineService/promotePipeline", request);
      return (promotions as readonly Message[]).map(targetView);
    },
    createArtifact: async (projectId, policies, mediaType) =>
      (await call("ArtifactService/createArtifact", { projectId, policies, mediaType }))["id"] as string,
    promoteArtifact: async (artifactId, title) => {
      const answer = await call("ArtifactService/promoteArtifact", { artifactId, title });
      return artifactPromotionView(answer, bundleView(answer["bundle"] as Message));
    },
    failure: (thrown) => rpc.failure(thrown),
    [Symbol.asyncDispose]: () => rpc[Symbol.asyncDispose](),
  };
}
