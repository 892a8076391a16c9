/** One environment. */
export interface Place {
  readonly orgId: string;
  readonly projectId: string;
  readonly envName: string;
}

/** A publication. JSON texts are sent as they are spelled. */
export interface Publication {
  readonly policies: string;
  readonly scopePolicies?: string;
  readonly publishedBy?: string;
  readonly title?: string;
  readonly description?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly source?: { readonly repository: string; readonly revision: string; readonly url: string };
  readonly activate?: boolean;
}

/** A bundle, the same whatever protocol brought it: null is unset. */
export interface BundleView {
  readonly id: string;
  readonly version: number;
  readonly policyHash: string;
  readonly isActive: boolean;
  readonly publishedBy: string | null;
  readonly title: string | null;
  readonly description: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly source: { readonly repository: string; readonly revision: string; readonly url: string } | null;
  readonly origin: string;
  readonly deploymentId: string | null;
  readonly sequence: number | null;
}

/** A bundle with its content, parsed. */
export interface ContentView extends BundleView {
  readonly policies: unknown;
  readonly scopePolicies: unknown;
}

export interface DeploymentView {
  readonly id: string;
  readonly sequence: number;
  readonly version: number;
  readonly fromVersion: number | null;
  readonly kind: string;
  readonly environment: string;
  readonly bundleId: string;
  readonly policyHash: string;
}

export interface LatestView {
  readonly notModified: boolean;
  /** Exactly the bytes that came; empty when not modified. */
  readonly document: string;
  /** Without quotes. */
  readonly etag: string;
  readonly sequence: number;
  readonly deploymentId: string;
}

/** The answer to a poll of a content or an attestation. */
export interface PolledText {
  readonly notModified: boolean;
  /** Exactly the bytes that came; empty when not modified. */
  readonly text: string;
  /** Without quotes; empty while nothing is active. */
  readonly etag: string;
  /** 0 while nothing is active. */
  readonly sequence: number;
}

/** What proves an activation, parsed; a heartbeat has the lease alone. */
export interface AttestationView {
  readonly lease: object | null;
  readonly activation?: object | null;
  readonly release?: object | null;
  readonly proof?: string | null;
}

/** One message of a watch. What only an activation has is null in the others. */
export interface WatchMessage {
  readonly event: "activation" | "nothing_active" | "heartbeat" | "trust_root";
  readonly sequence: number;
  readonly version: number | null;
  readonly policyHash: string | null;
  readonly deploymentId: string | null;
  readonly kind: string | null;
  /** Exactly the bytes that came. */
  readonly document: string | null;
  readonly content: string | null;
  /** Of heartbeats and of nothing active, too. */
  readonly attestation: AttestationView | null;
  readonly root: { readonly version: number; readonly envelope: object } | null;
}

export interface KeyView {
  readonly keyId: string;
  readonly purpose: string;
  readonly isCurrent: boolean;
  readonly publicKeyPem: string;
}

export interface WhoView {
  readonly keyType: string;
  readonly scopes: readonly string[];
  readonly projectId: string | null;
  readonly environment: string | null;
}

/** What a promotion of a pipeline did to one target. */
export interface TargetView {
  readonly targetAppId: string;
  readonly deploymentId: string;
}

export interface ArtifactPromotionView {
  readonly artifactId: string;
  readonly status: string;
  readonly deploymentId: string;
  readonly bundle: BundleView;
}

/** An error as a client of the protocol sees it. */
export interface Failure {
  /** The name of the gRPC code ("NOT_FOUND"), or the HTTP status. */
  readonly code: string | number;
  /** The machine code; null in REST when there is none but the status. */
  readonly reason: string | null;
  readonly message: string;
  readonly retryAfterSeconds: number | null;
}

export interface WatchStart {
  readonly afterSequence?: number;
  readonly afterDeploymentId?: string;
  readonly rootVersion?: number;
  readonly content?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

type Headers = Readonly<Record<string, string>>;

/** A client of one protocol with one token. Everything may reject with what `failure` reads. */
export interface Driver extends AsyncDisposable {
  publish(place: Place, publication: Publication, headers?: Headers): Promise<BundleView>;
  promote(place: Place, promotedBy?: string, headers?: Headers): Promise<BundleView>;
  activate(place: Place, version: number, headers?: Headers): Promise<BundleView>;
  remove(place: Place, version: number): Promise<void>;
  list(place: Place): Promise<readonly BundleView[]>;
  get(place: Place, version: number): Promise<ContentView>;
  /** The bytes of the signed document. */
  document(place: Place, version: number): Promise<string>;
  diff(place: Place, version: number, other: number): Promise<unknown>;
  deployments(place: Place): Promise<{ readonly total: number; readonly data: readonly DeploymentView[] }>;
  latestContent(headers?: Headers): Promise<PolledText>;
  latestAttestation(headers?: Headers): Promise<PolledText>;
  deploymentAttestation(deploymentId: string): Promise<AttestationView>;
  latest(headers?: Headers, cursor?: { afterSequence?: number; afterDeploymentId?: string }): Promise<LatestView>;
  watch(start: WatchStart): AsyncGenerator<WatchMessage, void>;
  keys(): Promise<readonly KeyView[]>;
  whoami(): Promise<WhoView>;
  promotePipeline(id: string, sourceAppId: string, targetAppIds: readonly string[]): Promise<readonly TargetView[]>;
  /** Returns its id. */
  createArtifact(projectId: string, policies: string, mediaType: string): Promise<string>;
  promoteArtifact(id: string, title: string): Promise<ArtifactPromotionView>;
  failure(thrown: unknown): Failure;
}

/** How a driver is opened. */
export interface DriverKind {
  readonly name: string;
  readonly family: "rpc" | "rest";
  open(url: string, token: string): Driver;
}
