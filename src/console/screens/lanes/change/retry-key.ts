/**
 * Makes Idempotency-Keys: the same one for the same request, so that a second try after a lost answer changes nothing twice, and another
 * one for another request.
 */
export function createKey(): (request: object) => string {
  const keys = new Map<string, string>();
  return (request) => {
    const text = JSON.stringify(request);
    const key = keys.get(text) ?? randomKey();
    keys.set(text, key);
    return key;
  };
}

/** randomUUID is there in secure contexts only, and the console also runs on plain HTTP. */
function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `console-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
