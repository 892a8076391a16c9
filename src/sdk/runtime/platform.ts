import type { Transport } from "@connectrpc/connect";
import type { Verifier } from "../../bundle/signer.js";
import type { Sha256OfBytes } from "../../bundle/trust/verify-state.js";
import type { HttpSend } from "./ways/http.js";
import type { PathMemory } from "./ways/ladder.js";

/** What a place to run in has: Node, or a browser. */
export interface Platform {
  /** Opens connections to a server, or shares them. Opens no socket yet. */
  connect(): ServerConnection;
  readonly verifier: Verifier;
  readonly sha256Hex: Sha256OfBytes;
}

/** Connections to one server. Disposing of it ends what nobody else uses. */
export interface ServerConnection extends Disposable {
  /** The transports of RPC, best first. */
  readonly rpc: readonly RpcTransport[];
  readonly send: HttpSend;
  /** By the ways that a runtime may take, best first. Shared by all that follow this server. */
  readonly paths: Map<string, PathMemory>;
}

/** A transport of RPC and its name. */
export interface RpcTransport {
  readonly name: "grpc" | "connect";
  readonly transport: Transport;
}
