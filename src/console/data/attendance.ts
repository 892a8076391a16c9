/** A person who touched nothing for so long is taken to be away, in milliseconds. */
const AWAY_MS = 5 * 60_000;

let lastInputMs = performance.now();

/** Whether somebody used the page in the last 5 minutes. */
export function isAttended(): boolean {
  return performance.now() - lastInputMs < AWAY_MS;
}

/** Hears of every key, click and touch from now on. */
export function startAttendance(onInput: () => void): void {
  const heard = () => {
    lastInputMs = performance.now();
    onInput();
  };
  for (const event of ["keydown", "pointerdown", "wheel"]) {
    addEventListener(event, heard, { capture: true, passive: true });
  }
}

/**
 * Fetches from this server. What the page asks for by itself while nobody is there says so, and does not keep the session alive
 * (docs/api.md, "Sessions of the console").
 */
export async function fetchHere(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
  if (isAttended()) return await fetch(input, init);
  const headers = new Headers(init.headers);
  headers.set("Signet-Unattended", "true");
  return await fetch(input, { ...init, headers });
}
