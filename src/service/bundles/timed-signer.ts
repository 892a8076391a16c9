import type { Signer } from "../../bundle/signer.js";

/** A signer that sums the time of its signatures, in milliseconds. */
export interface TimedSigner extends Signer {
  readonly spentMs: number;
}

/** Measures a signer. */
export function timeSigner(signer: Signer): TimedSigner {
  let spentMs = 0;
  return {
    keyId: signer.keyId,
    publicKeyPem: signer.publicKeyPem,
    get spentMs() {
      return spentMs;
    },
    async sign(message) {
      const startedMs = performance.now();
      const signature = await signer.sign(message);
      spentMs += performance.now() - startedMs;
      return signature;
    },
  };
}
