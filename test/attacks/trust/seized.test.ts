import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createHash } from "node:crypto";
import type { Attestation } from "../../../src/bundle/trust/attestation.js";
import { parseActivation } from "../../../src/bundle/trust/activation.js";
import { boundedEnvelope, payloadDigest } from "../../../src/bundle/trust/threshold.js";
import { trustTime } from "../../../src/bundle/trust/trust-time.js";
import { listed, rootEnvelope, rule, testKey } from "../../support/trust.js";
import { until } from "../../sdk/runtime/scripted-signet.js";
import { payloadText, tampered } from "../../vectors/make/tamper.js";
import { startRelay, type Attack, type Relay } from "./relay.js";
import { ALICE, BOB, OWNER, Site, type Forgery } from "./site.js";

const EVIL = '{"policies":{"number":666},"scope_policies":{}}';
const digestOf = (text: string) => createHash("sha256").update(text).digest("hex");
const evil = { content: digestOf(EVIL), size: EVIL.length };

const FAR = "99999999-9999-4999-8999-999999999999";

/** What the attacker serves, with the database, the online key and TLS in hand. */
interface Lie {
  readonly attestation: Attestation;
  readonly content: string;
}

type MakeLie = (site: Site, genuine: Lie) => Promise<Lie>;

const forged =
  (forgery: Forgery, content?: string): MakeLie =>
  async (site, genuine) => ({
    attestation: await site.forged(genuine.attestation, forgery),
    content: content ?? genuine.content,
  });

/** A release that names the attacker's content, signed by whom the attacker can be. */
const released =
  (by: (site: Site) => Parameters<Site["release"]>[1], environment = "dev"): MakeLie =>
  async (site, genuine) => {
    const release = await site.release({ [environment]: evil.content }, by(site));
    const activation = { ...evil, release: payloadDigest(release) };
    return { attestation: await site.forged(genuine.attestation, { activation, release }), content: EVIL };
  };

const LIES: readonly (readonly [name: string, code: string, make: MakeLie])[] = [
  [
    "own policy without a release",
    "release_missing",
    forged({ activation: { ...evil, release: null }, release: null }, EVIL),
  ],
  ["own policy under the release of another", "digest_mismatch", forged({ activation: evil }, EVIL)],
  ["own policy with a release by the online key", "bad_signature", released(({ online }) => [online])],
  ["own policy with a release by one stolen author key", "bad_signature", released(() => [ALICE])],
  [
    "own policy with a release by one author and the online key",
    "bad_signature",
    released(({ online }) => [ALICE, online]),
  ],
  ["own policy with a release by the root's owner", "bad_signature", released(() => [OWNER])],
  [
    "staging's content in dev",
    "release_missing",
    async (site, genuine) => {
      const release = await site.release({ staging: evil.content }, [ALICE, BOB]);
      const activation = { ...evil, release: payloadDigest(release) };
      return { attestation: await site.forged(genuine.attestation, { activation, release }), content: EVIL };
    },
  ],
  [
    "a release with an environment added to it",
    "bad_signature",
    async (site, genuine) => {
      const staging = await site.release({ staging: evil.content }, [ALICE, BOB]);
      const release = tampered(staging, (json) => {
        json.payload = Buffer.from(payloadText(staging).replace('"staging"', '"dev"')).toString("base64");
      });
      const activation = { ...evil, release: payloadDigest(release) };
      return { attestation: await site.forged(genuine.attestation, { activation, release }), content: EVIL };
    },
  ],
  [
    "an expired release",
    "release_expired",
    async (site, genuine) => {
      const release = await site.release({ dev: evil.content }, [ALICE, BOB], { expiresAt: "2026-01-01T00:00:00Z" });
      const activation = { ...evil, release: payloadDigest(release) };
      return { attestation: await site.forged(genuine.attestation, { activation, release }), content: EVIL };
    },
  ],
  [
    "two activations with one sequence",
    "equivocation",
    async (site, genuine) => {
      const { sequence } = statementOf(genuine);
      return await forged({ activation: { ...evil, sequence: sequence - 1 } }, EVIL)(site, genuine);
    },
  ],
  [
    "an older sequence, signed anew",
    "rolled_back",
    async (site, genuine) => {
      const { sequence } = statementOf(genuine);
      return await forged({ activation: { sequence: sequence - 2 } })(site, genuine);
    },
  ],
  [
    "a lease from the future",
    "clock",
    forged({ lease: { issuedAt: "2090-01-01T00:00:00Z", expiresAt: "2091-01-01T00:00:00Z" } }),
  ],
  ["a lease of a root that there is not", "root_withheld", forged({ lease: { rootVersion: 9 } })],
  ["declares 1 TB", "too_large", forged({ activation: { size: 2 ** 40 } })],
  [
    "another environment's activation under this lease",
    "wrong_identity",
    forged({ activation: { environment: "staging" } }),
  ],
  [
    "a release signed as an activation",
    "mix_and_match",
    async (_site, genuine) => ({
      ...genuine,
      attestation: { ...genuine.attestation, activation: genuine.attestation.release },
    }),
  ],
];

function statementOf({ attestation }: Lie) {
  return parseActivation(boundedEnvelope(attestation.activation ?? "").payload);
}

const WAYS = [
  ["grpc", "grpc"],
  ["sse", "http"],
  ["poll", "http"],
] as const;

describe.each(WAYS)("a seized server, by %s", (transport, kind) => {
  let site: Site;
  let relay: Relay;

  beforeEach(async () => {
    site = await Site.open({ rollback: "release" });
    await site.publish();
    await site.publish();
    relay = await startRelay(kind, site.signet.url, site.token);
  });
  afterEach(async () => {
    await relay[Symbol.asyncDispose]();
    await site[Symbol.asyncDispose]();
  });

  /** The next activation, made by the site itself and kept from the runtime, as what lies are made of. */
  async function genuine(): Promise<Lie> {
    await site.publish();
    const newest = site.served.at(-1);
    if (newest === undefined) throw new Error("nothing was served");
    return newest;
  }

  const serving = ({ attestation, content }: Lie): Attack => ({
    attestation: () => attestation,
    content: () => content,
  });

  it("cannot write policy, move it, go back or forge time", async () => {
    await using runtime = await site.runtime(relay.url, transport);
    const had = await runtime.ready();
    const updates: number[] = [];
    runtime.on("update", ({ sequence }) => updates.push(sequence));
    relay.attack = { isFrozen: true };
    const next = await genuine();
    const codes: Record<string, string | undefined> = {};
    for (const [name, , make] of LIES) {
      const before = runtime.status.refusal;
      relay.attack = serving(await make(site, next));
      relay.cut();
      await until(() => runtime.status.refusal !== before);
      // That one may still be of the lie before.
      const first = runtime.status.refusal;
      await until(() => runtime.status.refusal !== first);
      codes[name] = runtime.status.refusal?.code;
      expect([runtime.status.state, runtime.current?.sequence, runtime.current?.content], name).toEqual([
        "fresh",
        had.sequence,
        had.content,
      ]);
    }
    expect(codes).toEqual(Object.fromEntries(LIES.map(([name, code]) => [name, code])));
    expect(updates).toEqual([]);
    relay.attack = null;
    relay.cut();
    await until(() => runtime.current?.sequence === statementOf(next).sequence);
  }, 120_000);

  it("cannot make a root that removes the authors", async () => {
    await using runtime = await site.runtime(relay.url, transport);
    const had = await runtime.ready();
    const own = await rootEnvelope({ ...site.root, version: 2, environments: new Map() }, site.online);
    relay.attack = { root: () => own };
    await site.nextRoot();
    await site.publish();
    await until(() => runtime.status.refusal !== null);
    expect(runtime.status.refusal?.code).toBe("bad_signature");
    expect(runtime.current?.sequence).toBe(had.sequence);
  });

  it("cannot go back to a lower release", async () => {
    await using runtime = await site.runtime(relay.url, transport);
    await runtime.ready();
    const first = site.served.at(-1);
    const sequence = await site.publish();
    await until(() => runtime.current?.sequence === sequence);
    if (first === undefined) throw new Error("nothing was served");
    // A higher sequence for the content of before, whose release has the lower number.
    relay.attack = serving({
      attestation: await site.forged(first.attestation, { activation: { sequence: sequence + 1 }, lease: leaseNow() }),
      content: first.content,
    });
    await site.publish();
    await until(() => runtime.status.refusal !== null);
    expect(runtime.status.refusal?.code).toBe("rolled_back");
    expect(runtime.current?.sequence).toBe(sequence);
  });

  it("may withhold no longer than the authors' release lives", async () => {
    const clock = { aheadMs: 0 };
    const expiresAt = trustTime(Date.now() + 120_000);
    const sequence = await site.publish({ expiresAt });
    await using runtime = await site.runtime(relay.url, transport, clock);
    await runtime.ready();
    expect(runtime.status).toMatchObject({ state: "fresh", provenUntil: new Date(expiresAt) });
    clock.aheadMs = 121_000;
    expect(runtime.status.state).toBe("expired");
    expect(runtime.current?.sequence).toBe(sequence);
  });

  it("is recovered from by a root with new keys: the sequence starts lower", async () => {
    await using runtime = await site.runtime(relay.url, transport);
    await runtime.ready();
    relay.attack = { isFrozen: true };
    const next = await genuine();
    // Counted far ahead, so that nothing genuine would ever be newer.
    const far = await site.forged(next.attestation, { activation: { sequence: 1_000_000, deploymentId: FAR } });
    relay.attack = serving({ attestation: far, content: next.content });
    relay.cut();
    await until(() => runtime.current?.sequence === 1_000_000);

    const key = testKey("the new online key");
    const { keys, names } = listed([OWNER, ALICE, BOB]);
    const root = {
      ...site.root,
      version: 2,
      keys: new Map([...keys, [key.id, key.publicKey]]),
      names,
      roles: { ...site.root.roles, activation: rule(1, key), lease: rule(1, key), release: rule(0) },
      environments: new Map([["dev", { release: rule(2, ALICE, BOB) }]]),
    };
    // A new server with new keys, from a backup: its sequences are lower.
    const envelope = await rootEnvelope(root, OWNER);
    const after = await site.forged(next.attestation, { lease: { rootVersion: 2 }, keys: [key] });
    relay.attack = {
      ...serving({ attestation: after, content: next.content }),
      root: (version) => (version === 2 ? envelope : null),
    };
    await site.nextRoot();
    await site.publish();
    await until(() => runtime.current?.sequence === statementOf(next).sequence);
    expect(runtime.status).toMatchObject({ state: "fresh", refusal: null });
    // The thief of the old key is nobody now.
    relay.attack = serving({ attestation: far, content: next.content });
    await site.publish();
    await until(() => runtime.status.refusal !== null);
    expect(runtime.status.refusal?.code).toBe("bad_signature");
  });
});

it("counts its lies", () => {
  expect((LIES.length + 4) * WAYS.length).toBe(60);
});

function leaseNow() {
  const now = Date.now();
  return { issuedAt: trustTime(now), expiresAt: trustTime(now + 300_000) };
}
