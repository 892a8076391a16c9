import { describe, expect, it } from "vitest";
import { minutesLater } from "./sample.js";
import { useStore } from "./temporary-store.js";

describe("public keys", () => {
  const db = useStore();

  it("keeps the first record of a key, the newest key first, by purpose", async () => {
    const old = { keyId: "a", purpose: "bundles" as const, publicKeyPem: "A", createdAt: minutesLater(1) };
    const audit = { keyId: "b", purpose: "audit" as const, publicKeyPem: "B", createdAt: minutesLater(2) };
    const current = { keyId: "c", purpose: "bundles" as const, publicKeyPem: "C", createdAt: minutesLater(3) };
    await db.write(async (tx) => {
      for (const key of [audit, current, old]) await tx.putPublicKey(key);
      await tx.putPublicKey({ ...old, createdAt: minutesLater(9) });
    });
    expect(await db.read.publicKeys()).toStrictEqual([current, audit, old]);
    expect(await db.read.publicKeys("bundles")).toStrictEqual([current, old]);
    expect(await db.read.publicKeys("audit")).toStrictEqual([audit]);
  });
});
