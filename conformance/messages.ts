import type { Any } from "@bufbuild/protobuf/wkt";

/** The messages of connectrpc.conformance.v1 that the service reads. Written down, since nothing is generated from its proto files. */
export interface Header {
  readonly name: string;
  readonly value: readonly string[];
}

export interface WantedError {
  /** As in Connect: the enum begins with canceled = 1. */
  readonly code: number;
  readonly message?: string;
  readonly details: readonly Any[];
}

export interface UnaryDefinition {
  readonly responseHeaders: readonly Header[];
  readonly responseTrailers: readonly Header[];
  readonly responseDelayMs: number;
  readonly response:
    | { readonly case: "responseData"; readonly value: Uint8Array }
    | { readonly case: "error"; readonly value: WantedError }
    | { readonly case: undefined };
}

export interface StreamDefinition {
  readonly responseHeaders: readonly Header[];
  readonly responseTrailers: readonly Header[];
  readonly responseDelayMs: number;
  readonly responseData: readonly Uint8Array[];
  readonly error?: WantedError;
}

/** Unary, IdempotentUnary and each message of ClientStream. */
export interface UnaryRequest {
  readonly $typeName: string;
  readonly responseDefinition?: UnaryDefinition;
}

/** ServerStream and each message of BidiStream. */
export interface StreamRequest {
  readonly $typeName: string;
  readonly responseDefinition?: StreamDefinition;
  /** Of BidiStream alone. */
  readonly fullDuplex?: boolean;
}

export interface ServerCompatRequest {
  readonly useTls: boolean;
  readonly clientTlsCert: Uint8Array;
  readonly messageReceiveLimit: number;
  readonly serverCreds?: { readonly cert: Uint8Array; readonly key: Uint8Array };
}
