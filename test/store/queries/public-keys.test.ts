import { describe, expect, it } from "vitest";
import { minutesLater } from "../sample.js";
import { useStore } from "../temporary-store.js";

describe("public keys", () => {
  const db = useStore();

  it("keeps the server's own, the newest first, by purpose, and of one that is there the time", async () => {
    const owner = { orgId: null, environmentId: null, endorsedBy: null, endorsement: null, retiredAt: null };
    const old = { keyId: "a", purpose: "bundles" as const, publicKeyPem: "A", createdAt: minutesLater(1), ...owner };
    const audit = { keyId: "b", purpose: "audit" as const, publicKeyPem: "B", createdAt: minutesLater(2), ...owner };
    const current = {
      keyId: "c",
      purpose: "bundles" as const,
      publicKeyPem: "C",
      createdAt: minutesLater(3),
      ...owner,
    };
    await db.write(async (tx) => {
      for (const key of [audit, current, old]) await tx.putPublicKey(key);
      await tx.putPublicKey({ ...old, createdAt: minutesLater(9) });
    });
    expect(await db.read.publicKeys()).toStrictEqual([current, audit, old]);
    expect(await db.read.publicKeys("bundles")).toStrictEqual([current, old]);
    expect(await db.read.publicKeys("audit")).toStrictEqual([audit]);
  });
});
