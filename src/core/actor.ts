import { OPERATOR_TOKEN_ID, type KeyType, type Principal } from "./token.js";

/** The type of an actor: that of its token, an offline command or declaration, or the server itself. */
export type ActorKind = KeyType | "operator" | "system";

/** Who did something, as it was then: kept with what was done, so that it outlives the token. */
export interface Actor {
  /** The id of the token; null for an operator without one and for the system. */
  readonly id: number | null;
  /** The name that the token had; null for a token without one. */
  readonly name: string | null;
  /** The prefix that the token had; `operator` or `system` without one. */
  readonly prefix: string;
  readonly kind: ActorKind;
}

/** What identifies the token of a caller. */
export type TokenIdentity = Pick<Principal, "tokenId" | "tokenName" | "keyPrefix" | "keyType">;

/** The actor of a change: a caller by its token, an offline command, or the server itself. */
export function performedBy(caller: TokenIdentity | "operator" | "system"): Actor {
  if (typeof caller === "string") return { id: null, name: null, prefix: caller, kind: caller };
  const { tokenId, tokenName, keyPrefix, keyType } = caller;
  if (tokenId === OPERATOR_TOKEN_ID) return { id: null, name: null, prefix: keyPrefix, kind: "operator" };
  return { id: tokenId, name: tokenName, prefix: keyPrefix, kind: keyType };
}
