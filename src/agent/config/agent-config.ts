import type { TrustIdentity } from "../../bundle/trust/trust-state.js";
import type { NodeTransportTls } from "../../sdk/node-transport-options.js";
import type { RuntimeTrust } from "../../sdk/runtime/runtime-options.js";
import type { CommandRule } from "../outputs/command.js";
import type { OutputRule } from "../outputs/output-rule.js";
import type { ListenAddress } from "../serve/listen-address.js";

/** Where a token is: in a variable, or in the file that `<variable>_FILE` names; or in a file. */
export type TokenReference = { readonly env: string } | { readonly file: string };

/** An environment that the agent follows. */
export interface EnvironmentConfig {
  /** For logs, metrics and the names of files: the environment's name, with its project where another has the same. */
  readonly label: string;
  readonly url: string;
  readonly tls: NodeTransportTls;
  readonly token: TokenReference;
  readonly trust: RuntimeTrust;
  readonly identity: TrustIdentity;
  /** In the fleet view. */
  readonly instance: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly onExpired: "serve" | "close";
  readonly onRevoked: "serve" | "close";
  readonly outputs: readonly OutputRule[];
  readonly check: CommandRule | null;
  readonly run: CommandRule | null;
}

/** How local readers are served. */
export interface ServeConfig {
  readonly listen: ListenAddress;
  /** Where `/healthz`, `/readyz` and `/metrics` alone are served, for probes from elsewhere; null: nowhere else. */
  readonly healthListen: ListenAddress | null;
  /** Whether `listen` may be an address that other machines reach. */
  readonly allowsRemote: boolean;
  /** Names in Host headers that are answered, beside `localhost` and addresses. */
  readonly allowedHosts: readonly string[];
  readonly maxReaders: number;
  readonly decisionLogs: "count" | "forward";
}

/** The configuration of an agent, complete: every file that it names was read but for the tokens. */
export interface AgentConfig {
  /** Absolute: what was verified, and what was done to the outputs. */
  readonly state: string;
  readonly environments: readonly [EnvironmentConfig, ...EnvironmentConfig[]];
  /** Null: nobody is served. */
  readonly serve: ServeConfig | null;
}
