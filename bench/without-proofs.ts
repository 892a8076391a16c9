/** A server that attests to nobody, for a comparison with one that does: for benchmarks only. */
import { ActivationProofs } from "../src/service/trust/activation-proofs.js";

/** The environment variable of a benchmark's server that asks for it. */
export const WITHOUT_PROOFS = "BENCH_WITHOUT_PROOFS";

/** From here on this process serves what is active without attestations and leases. */
export function serveWithoutProofs(): void {
  ActivationProofs.prototype.peek = () => null;
  ActivationProofs.prototype.of = () => Promise.resolve(null);
}
