import { computed, signal, type ReadonlySignal } from "@preact/signals";
import type { WhoAmIResponse } from "../../../gen/signet/v1/token_pb.js";
import type { SignetError } from "../../sdk/signet-error.js";
import { toSignetError } from "../../sdk/signet-error.js";
import { client } from "./client.js";
import { BASE } from "./links.js";

/** The session of this browser, as far as it is known. */
export type SessionState =
  | { readonly kind: "unknown" }
  /** `because` says why it ended; undefined when there was none. */
  | { readonly kind: "signed-out"; readonly because?: string }
  | { readonly kind: "signed-in"; readonly who: WhoAmIResponse };

const state = signal<SessionState>({ kind: "unknown" });

/** Who is signed in. */
export const session: ReadonlySignal<SessionState> = state;

/** Who is signed in; undefined when nobody is. */
export const who: ReadonlySignal<WhoAmIResponse | undefined> = computed(() =>
  state.value.kind === "signed-in" ? state.value.who : undefined,
);

/** Whether the signed-in token has a scope, for example `bundle:publish`. An admin's org:admin covers audit:read. */
export function can(scope: string): boolean {
  const scopes = who.value?.scopes ?? [];
  return scopes.includes(scope) || (scope === "audit:read" && scopes.includes("org:admin"));
}

/** Asks the server whether this browser has a session. */
export async function loadSession(): Promise<void> {
  try {
    state.value = { kind: "signed-in", who: await client.tokens.whoAmI({}) };
  } catch (thrown) {
    if (toSignetError(thrown).code !== "unauthenticated") throw thrown;
    state.value = { kind: "signed-out" };
  }
}

/** Makes a session for the token. Throws an Error whose message can be shown. */
export async function signIn(token: string): Promise<void> {
  const response = await fetch(`${BASE}session`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token }),
  });
  if (!response.ok) throw new Error(response.status === 401 ? "This token is not valid." : `${response.status}`);
  await loadSession();
}

/** Ends the session. */
export async function signOut(): Promise<void> {
  await fetch(`${BASE}session`, { method: "DELETE" });
  state.value = { kind: "signed-out" };
}

/** Told of the refusal of a call: one for want of a session ends it here too. */
export function reportRefusal(error: SignetError): void {
  if (error.code !== "unauthenticated" || state.value.kind !== "signed-in") return;
  state.value = { kind: "signed-out", because: "The session has ended." };
}
