/** Sent to the runtime by the quickstart: the server, the tokens, and the keys to trust. */
export interface RuntimeTask {
  readonly url: string;
  readonly publicKeysPem: readonly string[];
  /** The runtime token of each environment to watch. */
  readonly tokens: Readonly<Record<string, string>>;
}

/** Sent by the runtime: a watch began, a push was verified, or a push was refused. */
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
