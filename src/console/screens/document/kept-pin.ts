const KEY = "signet-pin";

/** The pin that this browser keeps for an organization; empty without one. A public key is no secret. */
export function keptPin(orgId: string): string {
  try {
    return localStorage.getItem(`${KEY}:${orgId}`) ?? "";
  } catch {
    return "";
  }
}

/** Keeps a pin, or forgets it when it is empty. */
export function keepPin(orgId: string, text: string): void {
  try {
    if (text === "") localStorage.removeItem(`${KEY}:${orgId}`);
    else localStorage.setItem(`${KEY}:${orgId}`, text);
  } catch {
    // It then holds for as long as the page is open.
  }
}
