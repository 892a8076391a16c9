import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { announce } from "../data/announce.js";
import { startAttendance } from "../data/attendance.js";
import { loadSession, session } from "../data/session.js";
import { Button } from "../elements/button.js";
import { Icon } from "../elements/icon.js";
import { SignedOutDialog } from "./signed-out-dialog.js";

/** How long before its end a session warns, in milliseconds. */
const WARN_IDLE_MS = 2 * 60_000;
const WARN_END_MS = 10 * 60_000;
const LOOK_MS = 10_000;
/** Somebody who types without a call keeps the session by a call this often, in milliseconds. */
const KEEP_MS = 5 * 60_000;

const now = signal(Date.now());
let keptMs = 0;

/** Keeps the session of somebody who works without a call, and looks when it ends. */
export function startSessionEnd(): void {
  startAttendance(() => {
    if (session.peek().kind !== "signed-in" || performance.now() - keptMs < KEEP_MS) return;
    keptMs = performance.now();
    void loadSession();
  });
  setInterval(() => {
    now.value = Date.now();
    const current = session.peek();
    // Another tab may have kept it.
    if (current.kind === "signed-in" && now.value > current.idleEndsMs - WARN_IDLE_MS - LOOK_MS) void loadSession();
  }, LOOK_MS);
}

/** Over a page: the warning before the session ends, and the question for a token afterwards. */
export function SessionEnd() {
  const current = session.value;
  const [isAgain, setAgain] = useState(false);
  const endsMs = current.kind === "signed-in" ? current.endsMs : Infinity;
  useEffect(() => setAgain(false), [endsMs]);
  if (current.kind === "signed-out" && current.kept !== undefined) {
    return <SignedOutDialog because={current.because ?? "You are signed out."} />;
  }
  if (current.kind !== "signed-in") return null;
  if (isAgain) return <SignedOutDialog because="The session ends soon." />;
  const idleLeftMs = current.idleEndsMs - now.value;
  const leftMs = current.endsMs - now.value;
  if (leftMs <= WARN_END_MS) {
    return (
      <Warning text={`The session ends ${within(leftMs)}, as every session does after 8 hours or with its token.`}>
        <Button size="small" onClick={() => setAgain(true)}>
          Sign in again
        </Button>
      </Warning>
    );
  }
  if (idleLeftMs > WARN_IDLE_MS) return null;
  return (
    <Warning text={`You will be signed out ${within(idleLeftMs)}, since nobody has used this page for a while.`}>
      <Button size="small" onClick={() => void loadSession()}>
        Stay signed in
      </Button>
    </Warning>
  );
}

function Warning({ text, children }: { readonly text: string; readonly children: ComponentChildren }) {
  useEffect(() => announce(text), []);
  return (
    <aside class="session-warning note note-warn" aria-label="End of the session">
      <Icon name="warning" />
      <p class="note-text">{text}</p>
      {children}
    </aside>
  );
}

function within(ms: number): string {
  const minutes = Math.ceil(ms / 60_000);
  return minutes <= 1 ? "within a minute" : `in ${minutes} minutes`;
}
