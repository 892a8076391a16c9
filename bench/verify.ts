/**
 * Measures what a runtime spends on an update of 10 KiB (`npm run bench -- verify`): the attestation is verified, the content hashed.
 * One thread; medians. No server, no network.
 */
import { nobleVerifier } from "../src/bundle/ed25519-noble.js";
import { formatAttestation } from "../src/bundle/trust/attestation.js";
import { emptyState } from "../src/bundle/trust/trust-state.js";
import { verifyUpdate } from "../src/bundle/trust/update.js";
import { verifyPinnedRoot } from "../src/bundle/trust/verify-objects.js";
import { nodeVerifier } from "../src/service/keys/ed25519-node.js";
import { ORG, pack, PROJECT, signRoot, siteRoot, START } from "../test/vectors/make/objects.js";
import { median, numberFrom, quantile, rounded } from "./figures.js";
import { machineLine } from "./process-use.js";

const LEVELS = [
  { level: "1: lease, activation", environment: "dev", number: null },
  { level: "2: and two authors", environment: "prod", number: 3 },
] as const;

const VERIFIERS = [
  ["portable", nobleVerifier],
  ["node:crypto", nodeVerifier],
] as const;

/** Runs the whole benchmark and prints its table. */
export async function benchVerify(): Promise<void> {
  const updates = numberFrom("UPDATES", 500);
  console.log(machineLine());
  console.log("level, implementation: fastest 5 % ms, median ms, CPU ms");
  for (const { level, environment, number } of LEVELS) {
    const bytes = new TextEncoder().encode(`{"policies":{"text":"${"x".repeat(10_200)}"},"scope_policies":{}}`);
    const parts = await pack({ environment, number, bytes });
    for (const [name, verifier] of VERIFIERS) {
      const identity = { orgId: ORG, projectId: PROJECT, environment };
      const root = await verifyPinnedRoot(await signRoot(siteRoot()), identity, verifier);
      const source = {
        root: async () => null,
        attestation: async () => formatAttestation({ ...parts, proof: null }),
        content: async () => parts.content,
      };
      const run = async () => {
        const { error } = await verifyUpdate(emptyState(root, identity), source, { now: new Date(START), verifier });
        if (error !== null) throw error;
      };
      for (let warm = 0; warm < 50; warm++) await run();
      const before = process.cpuUsage();
      const times: number[] = [];
      for (let n = 0; n < updates; n++) {
        const start = performance.now();
        await run();
        times.push(performance.now() - start);
      }
      const { user, system } = process.cpuUsage(before);
      const cpuMs = (user + system) / 1000 / updates;
      const shown = [quantile(times, 0.05), median(times), cpuMs].map((ms) => rounded(ms, 2));
      console.log(`${level}, ${name}: ${shown.join(", ")}`);
    }
  }
}
