import { expect } from "vitest";
import { DEFAULT_LIMITS, type Http2Limits, type ListenerLimits } from "../../src/api/listener/limits.js";
import { KEYS, type Rig } from "../api/http/rig.js";

/** The default limits with some made small. */
export function limits(some: Partial<ListenerLimits>, http2: Partial<Http2Limits> = {}): ListenerLimits {
  return { ...DEFAULT_LIMITS, ...some, http2: { ...DEFAULT_LIMITS.http2, ...http2 } };
}

/** Somebody else comes with a good token, and is served. */
export async function expectServed(rig: Rig): Promise<void> {
  const headers = { "content-type": "application/json", "x-api-key": KEYS.ci };
  const answer = await fetch(`${rig.url}/signet.v1.BundleService/ListKeys`, { method: "POST", headers, body: "{}" });
  expect(answer.status).toBe(200);
  await answer.arrayBuffer();
}
