/** What the quickstart gives its runtime: where to connect, as whom, and which keys to trust. */
export interface RuntimeTask {
  readonly url: string;
  readonly publicKeysPem: readonly string[];
  /** The runtime token of each environment to watch. */
  readonly tokens: Readonly<Record<string, string>>;
}

/** What the runtime tells: it watches, or it received and verified a push. */
export type RuntimeMessage =
  | { readonly type: "watching"; readonly environment: string }
  | {
      readonly type: "applied";
      readonly environment: string;
      readonly version: number;
      readonly sequence: number;
      readonly kind: string;
      readonly policyHash: string;
      /** From the commit to the verified document, in this process. */
      readonly latencyMs: number;
    }
  | { readonly type: "refused"; readonly environment: string; readonly reason: string };
