import { computed, signal, type ReadonlySignal } from "@preact/signals";
import type { WhoAmIResponse } from "../../../gen/signet/v1/token_pb.js";
import type { SignetError } from "../../sdk/signet-error.js";
import { BASE } from "./links.js";
import { createSession, deleteSession, readSession, SessionError, type ServerSession } from "./session-call.js";
import { announceMissed } from "./topics.js";

/** The session of this browser, as far as it is known. */
export type SessionState =
  /** `problem` says why it could not be asked for. */
  | { readonly kind: "unknown"; readonly problem?: string }
  /**
   * `because` says why it ended; undefined when there was none, and when the person signed out. `kept` is who was signed in, when the page
   * stays as it is until they are back.
   */
  | { readonly kind: "signed-out"; readonly because?: string; readonly kept?: WhoAmIResponse }
  | ({ readonly kind: "signed-in" } & ServerSession);

const state = signal<SessionState>({ kind: "unknown" });

/** Who is signed in. */
export const session: ReadonlySignal<SessionState> = state;

/** Who is signed in, or was when the session ended over a page that is kept; undefined otherwise. */
export const who: ReadonlySignal<WhoAmIResponse | undefined> = computed(() => {
  const current = state.value;
  if (current.kind === "signed-in") return current.who;
  return current.kind === "signed-out" ? current.kept : undefined;
});

/** Whether the signed-in token has a scope, for example `bundle:publish`. An admin's org:admin covers audit:read. */
export function can(scope: string): boolean {
  const scopes = who.value?.scopes ?? [];
  return scopes.includes(scope) || (scope === "audit:read" && scopes.includes("org:admin"));
}

/** Tells the other tabs of this browser. */
const tabs = new BroadcastChannel(`signet-session ${BASE}`);

/** Does in this tab what happened in others. */
export function startSession(): void {
  tabs.onmessage = ({ data }: MessageEvent<unknown>) => {
    if (data === "signed-out") state.value = { kind: "signed-out" };
    if (data === "signed-in") void loadSession();
  };
}

/** Asks the server whether this browser has a session. Never rejects: when it cannot be asked, what was known stays. */
export async function loadSession(): Promise<void> {
  try {
    const found = await readSession();
    if (found === null) sessionEnded();
    else signedIn(found);
  } catch (thrown) {
    const problem = thrown instanceof SessionError ? thrown.message : "The server's answer cannot be read.";
    if (state.value.kind === "unknown") state.value = { kind: "unknown", problem };
  }
}

/** Makes a session for the token. Throws a SessionError. */
export async function signIn(token: string): Promise<void> {
  signedIn(await createSession(token));
  tabs.postMessage("signed-in");
}

/** Ends the session, in all tabs. Throws a SessionError when the server cannot be told: the session is then still there. */
export async function signOut(): Promise<void> {
  await deleteSession();
  state.value = { kind: "signed-out" };
  tabs.postMessage("signed-out");
}

let asking: Promise<void> | null = null;

/**
 * Told of the refusal of a call. When it is for want of a session, the server is asked whether there is one: a call may have belonged to
 * the session before, which ends with a new sign-in. Resolves to whether somebody is signed in after that.
 */
export async function reportRefusal(error: SignetError): Promise<boolean> {
  if (error.code === "unauthenticated" && state.value.kind === "signed-in") {
    asking ??= loadSession().finally(() => (asking = null));
    await asking;
    if (state.value.kind === "signed-in") announceMissed();
  }
  return state.value.kind === "signed-in";
}

function signedIn(found: ServerSession): void {
  const before = state.value;
  const wasKept = before.kind === "signed-out" && before.kept !== undefined ? before.kept : undefined;
  state.value = { kind: "signed-in", ...found };
  if (wasKept === undefined) return;
  // What is on the page is of another organization.
  if (wasKept.orgId !== found.who.orgId) location.assign(BASE);
  // What could not be read meanwhile is read again.
  else announceMissed();
}

function sessionEnded(): void {
  const before = state.value;
  if (before.kind === "signed-in") {
    state.value = { kind: "signed-out", because: "The session has ended.", kept: before.who };
  } else if (before.kind === "unknown") {
    state.value = { kind: "signed-out" };
  }
}
