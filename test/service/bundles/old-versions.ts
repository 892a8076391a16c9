import { randomUUID } from "node:crypto";
import { addSeconds } from "../../../src/core/clock.js";
import type { Store } from "../../../src/store/store.js";

const DAY_SECONDS = 86_400;

/**
 * Gives an environment with one version `count` more, each published some days before that one and never active: quickly, and older
 * than a server's own clock would let them be. The first version stays the active one.
 */
export async function keepOldVersions(
  store: Store,
  environmentId: string,
  count: number,
  olderDays = 2,
): Promise<void> {
  await store.write(async (tx) => {
    const environment = await tx.environmentById(environmentId);
    const first = await tx.bundleById(environment?.activeBundleId ?? "");
    if (environment === null || first === null) throw new Error("an environment without an active version");
    const publishedAt = addSeconds(first.publishedAt, -olderDays * DAY_SECONDS);
    for (let version = first.version + 1; version <= first.version + count; version += 1) {
      await tx.insertBundle({ ...first, id: randomUUID(), version, publishedAt });
    }
    await tx.updateEnvironment({ ...environment, lastVersion: first.version + count });
  });
}
