import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rootEnvelope } from "../../support/trust.js";
import { flippedPayload, flippedSignature, tampered } from "../../vectors/make/tamper.js";
import { until } from "../../sdk/runtime/scripted-signet.js";
import { startRelay, type Attack } from "./relay.js";
import { OWNER, Site, STRANGER, type Served } from "./site.js";

const WAYS = [
  ["grpc", "grpc"],
  ["sse", "http"],
  ["poll", "http"],
] as const;

/** What an attacker has recorded, or has of others. */
interface Loot {
  readonly site: Site;
  /** What the runtime has, and what was there before. */
  readonly last: Served;
  readonly older: Served;
  readonly staging: Served;
  readonly neighbour: Served;
}

const instead = ({ attestation, content }: Served): Attack => ({
  attestation: () => attestation,
  content: () => content,
});
const each = (change: (envelope: string) => string, field: "lease" | "activation" | "release"): Attack => ({
  attestation: (genuine) => ({ ...genuine, [field]: change(genuine[field] ?? "") }),
});
const without = (field: "lease" | "activation" | "release"): Attack => ({
  attestation: (genuine) => ({ ...genuine, [field]: null }),
});
const otherType = (envelope: string) =>
  tampered(envelope, (json) => {
    json.payloadType = "application/json";
  });
const padded = (envelope: string) =>
  tampered(envelope, (json) => {
    json.signatures.push({ keyid: "0".repeat(200_000), sig: "" });
  });

/** Against what is published while they last. Each with the code of its refusal. */
const ATTACKS: readonly (readonly [name: string, code: string, attack: (loot: Loot) => Attack])[] = [
  ["replay of an older pack", "rolled_back", ({ older }) => instead(older)],
  [
    "new lease with the old activation",
    "mix_and_match",
    ({ last }) => ({
      attestation: (genuine) => ({ ...genuine, activation: last.attestation.activation }),
    }),
  ],
  [
    "not the release of the activation",
    "mix_and_match",
    ({ last }) => ({
      attestation: (genuine) => ({ ...genuine, release: last.attestation.release }),
    }),
  ],
  ["another environment's pack", "wrong_identity", ({ staging }) => instead(staging)],
  ["another project's pack", "wrong_identity", ({ neighbour }) => instead(neighbour)],
  ["bit of payload: lease", "bad_signature", () => each(flippedPayload, "lease")],
  ["bit of payload: activation", "mix_and_match", () => each(flippedPayload, "activation")],
  ["bit of payload: release", "mix_and_match", () => each(flippedPayload, "release")],
  ["bit of signature: lease", "bad_signature", () => each(flippedSignature, "lease")],
  ["bit of signature: activation", "bad_signature", () => each(flippedSignature, "activation")],
  ["bit of signature: release", "bad_signature", () => each(flippedSignature, "release")],
  ["payloadType changed", "bad_signature", () => each(otherType, "lease")],
  [
    "release given as activation",
    "mix_and_match",
    () => ({
      attestation: (genuine) => ({ ...genuine, activation: genuine.release }),
    }),
  ],
  [
    "one of two authors",
    "bad_signature",
    () => each((release) => tampered(release, ({ signatures }) => void signatures.pop()), "release"),
  ],
  [
    "one author twice",
    "bad_signature",
    () =>
      each(
        (release) =>
          tampered(release, ({ signatures: [first, second] }) => void Object.assign(second ?? {}, { sig: first?.sig })),
        "release",
      ),
  ],
  ["stripped lease", "malformed", () => without("lease")],
  ["stripped activation", "malformed", () => without("activation")],
  ["stripped release", "release_missing", () => without("release")],
  ["stripped attestation", "malformed", () => ({ attestation: () => null })],
  ["200 KB envelope", "too_large", () => each(padded, "lease")],
  ["content changed", "digest_mismatch", () => ({ content: (text) => text.replace("number", "numbeR") })],
  ["content longer", "too_large", () => ({ content: (text) => `${text} ` })],
  ["content truncated", "truncated", () => ({ content: (text) => text.slice(0, -1) })],
  ["the content of before", "digest_mismatch", ({ last }) => ({ content: () => last.content })],
];

/** Against a root that is published while they last. */
const ROOT_ATTACKS: readonly (readonly [name: string, code: string, attack: (loot: Loot) => Promise<Attack>])[] = [
  ["root withheld", "root_withheld", async () => ({ root: () => null })],
  [
    "an old root",
    "root_version",
    async ({ site }) => {
      const old = await rootEnvelope(site.root, OWNER);
      return { root: () => old };
    },
  ],
  [
    "a root of an attacker",
    "bad_signature",
    async ({ site }) => {
      const own = await rootEnvelope({ ...site.root, version: site.root.version + 1 }, STRANGER);
      return { root: () => own };
    },
  ],
  ["bit of payload: root", "bad_signature", async () => ({ root: (_, envelope) => flippedPayload(envelope) })],
];

let site: Site;
let others: Pick<Loot, "staging" | "neighbour">;

beforeAll(async () => {
  site = await Site.open();
  await site.publish();
  await site.publish();
  others = { staging: await site.promote(), neighbour: await site.servedToAnotherProject() };
});
afterAll(async () => {
  await site[Symbol.asyncDispose]();
});

function loot(): Loot {
  const [older, last] = site.served.slice(-2);
  if (older === undefined || last === undefined) throw new Error("nothing was served");
  return { site, last, older, ...others };
}

describe.each(WAYS)("an attacker between server and runtime, by %s", (transport, kind) => {
  /** The runtime refuses what is published under attack, keeps what it has, and takes it once the attack is over. */
  async function resists(attack: Attack, code: string, act: () => Promise<number>): Promise<void> {
    await using relay = await startRelay(kind, site.signet.url, site.token);
    await using runtime = await site.runtime(relay.url, transport);
    const had = await runtime.ready();
    const codes = new Set<string>();
    runtime.on("update", () => codes.add("updated"));
    relay.attack = attack;
    const sequence = await act();
    await until(() => runtime.status.refusal !== null);
    expect(runtime.status).toMatchObject({ state: "fresh", refusal: { code } });
    expect([runtime.current?.sequence, runtime.current?.content]).toEqual([had.sequence, had.content]);
    expect([...codes]).toEqual([]);
    relay.attack = null;
    relay.cut();
    await until(() => runtime.current?.sequence === sequence);
    expect(runtime.status.refusal).toBeNull();
  }

  it.each(ATTACKS)("%s: %s", async (_, code, attack) => {
    await resists(attack(loot()), code, async () => await site.publish());
  });

  it.each(ROOT_ATTACKS)("%s: %s", async (_, code, attack) => {
    await resists(await attack(loot()), code, async () => {
      await site.nextRoot();
      return await site.publish();
    });
  });

  it("freeze: known within the lease's life", async () => {
    const clock = { aheadMs: 0 };
    await using relay = await startRelay(kind, site.signet.url, site.token);
    await using runtime = await site.runtime(relay.url, transport, clock);
    const had = await runtime.ready();
    relay.attack = { isFrozen: true };
    const sequence = await site.publish();
    expect(had.provenUntil.getTime() - Date.now()).toBeLessThanOrEqual(300_000);
    clock.aheadMs = 300_000;
    expect(runtime.status.state).toBe("expired");
    expect(runtime.current?.sequence).toBe(had.sequence);
    clock.aheadMs = 0;
    relay.attack = null;
    relay.cut();
    await until(() => runtime.current?.sequence === sequence);
  });

  it("freeze: the same pack for ever is known within the lease's life", async () => {
    const clock = { aheadMs: 0 };
    await using relay = await startRelay(kind, site.signet.url, site.token);
    await using runtime = await site.runtime(relay.url, transport, clock);
    const had = await runtime.ready();
    relay.attack = instead(loot().last);
    await site.publish();
    clock.aheadMs = 300_000;
    relay.cut();
    await until(() => runtime.status.refusal !== null);
    expect(runtime.status).toMatchObject({ state: "expired", refusal: { code: "lease_expired" } });
    expect(runtime.current?.sequence).toBe(had.sequence);
  });
});

it("counts its attacks", () => {
  expect((ATTACKS.length + ROOT_ATTACKS.length + 2) * WAYS.length).toBe(90);
});
