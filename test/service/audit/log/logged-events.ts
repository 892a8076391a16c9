import { EMPTY_ROOT, leafHash, nodeHash, type Hash } from "../../../../src/bundle/log/merkle.js";
import { leafData } from "../../../../src/bundle/log/leaf.js";
import { hashOf } from "../../../../src/service/audit/audit-form.js";
import type { Fixture } from "../../fixture.js";

/** Adds events to the audit of the operator's organization, some hundred in each transaction. */
export async function addEvents(signet: Fixture, count: number): Promise<void> {
  const { audit } = signet.services;
  for (let added = 0; added < count; added += 500) {
    await signet.store.write(async (tx) => {
      for (let n = added; n < Math.min(count, added + 500); n += 1)
        await audit.record(tx, signet.orgId, "system", event(n));
    });
  }
}

function event(n: number) {
  return { action: "test.added", resourceType: "test", resourceId: `${n}`, metadata: { n } };
}

/** The leaves of all events, as docs/audit.md describes them. */
export async function leavesOf(signet: Fixture): Promise<Hash[]> {
  const leaves: Hash[] = [];
  for (;;) {
    const page = await signet.store.read.auditEventsFrom(signet.orgId, leaves.length, 1000);
    for (const it of page) {
      const { activation_sha256: activation } = it.metadata;
      leaves.push(leafHash(leafData(hashOf(it), typeof activation === "string" ? activation : null)));
    }
    if (page.length < 1000) return leaves;
  }
}

/** The tree as RFC 6962, section 2.1, defines it. */
export function naiveRoot(leaves: readonly Hash[]): Hash {
  if (leaves.length <= 1) return leaves[0] ?? EMPTY_ROOT;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return nodeHash(naiveRoot(leaves.slice(0, split)), naiveRoot(leaves.slice(split)));
}
