import type {
  AttestationView,
  ArtifactPromotionView,
  BundleView,
  DeploymentView,
  KeyView,
  TargetView,
  WatchMessage,
  WhoView,
} from "./driver.js";

/** A message with camel-case names; what is unset is absent, undefined or null. */
export type Message = Readonly<Record<string, unknown>>;

export function bundleView(message: Message): BundleView {
  const m = message as unknown as BundleView;
  return {
    id: m.id,
    version: m.version,
    policyHash: m.policyHash,
    isActive: m.isActive,
    publishedBy: m.publishedBy ?? null,
    title: m.title ?? null,
    description: m.description ?? null,
    labels: { ...m.labels },
    source:
      m.source === null || (m.source as unknown) === undefined
        ? null
        : { repository: m.source.repository, revision: m.source.revision, url: m.source.url },
    origin: m.origin,
    deploymentId: m.deploymentId ?? null,
    sequence: m.sequence ?? null,
  };
}

export function deploymentView(message: Message): DeploymentView {
  const m = message as unknown as DeploymentView;
  const { id, sequence, version, kind, environment, bundleId, policyHash } = m;
  return { id, sequence, version, fromVersion: m.fromVersion ?? null, kind, environment, bundleId, policyHash };
}

export function keyView(message: Message): KeyView {
  const { keyId, purpose, isCurrent, publicKeyPem } = message as unknown as KeyView;
  return { keyId, purpose, isCurrent, publicKeyPem };
}

export function whoView(message: Message): WhoView {
  const m = message as unknown as WhoView;
  return {
    keyType: m.keyType,
    scopes: [...m.scopes],
    projectId: m.projectId ?? null,
    environment: m.environment ?? null,
  };
}

export function targetView(message: Message): TargetView {
  const { targetAppId, deploymentId } = message as unknown as TargetView;
  return { targetAppId, deploymentId };
}

export function artifactPromotionView(message: Message, bundle: BundleView): ArtifactPromotionView {
  const { artifactId, status, deploymentId } = message as unknown as ArtifactPromotionView;
  return { artifactId, status, deploymentId, bundle };
}

/** @param value the member of the oneof; a json_text in it is a text or parsed already */
export function watchMessage(sequence: number, event: WatchMessage["event"], value: Message): WatchMessage {
  const a = (event === "activation" ? value : {}) as Partial<WatchMessage>;
  const { version, envelope } = value as { readonly version?: number; readonly envelope?: unknown };
  return {
    event,
    sequence,
    version: a.version ?? null,
    policyHash: a.policyHash ?? null,
    deploymentId: a.deploymentId ?? null,
    kind: a.kind ?? null,
    // In RPC the text that is not sent is empty.
    document: a.document === "" ? null : (a.document ?? null),
    content: a.content ?? null,
    attestation: parsedJson(value["attestation"]) as AttestationView | null,
    root: event === "trust_root" ? { version: Number(version), envelope: parsedJson(envelope) ?? {} } : null,
  };
}

function parsedJson(json: unknown): object | null {
  if (json === undefined || json === null || json === "") return null;
  return (typeof json === "string" ? JSON.parse(json) : json) as object;
}

/** Names in camel case, one level deep. */
export function camelCased(object: object): Message {
  const camel = (name: string) => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [camel(name), value as unknown]));
}
