import { addSignature } from "../../../../src/bundle/envelope/dsse.js";
import type { Root } from "../../../../src/bundle/trust/root.js";
import type { VectorCase } from "../../case.js";
import { draft, empty, fresh, good, next, served, step } from "../draft.js";
import { keys, type VectorKey } from "../keys.js";
import {
  after,
  content,
  keyMap,
  leaseOf,
  ORG,
  pack,
  PROJECT,
  rule,
  sha256,
  signRoot,
  siteRoot,
  START,
  type Pack,
} from "../objects.js";
import { resigned, tampered } from "../tamper.js";
import { leaseNaming, withRelease } from "./envelopes.js";

const { root: rootKeys, nextRoot, activation, nextActivation, lease, nextLease, alice, bob, carol, stranger } = keys;
const { roles } = siteRoot();

/** What must pass. */
export async function passCases(): Promise<readonly VectorCase[]> {
  const first = await good();
  const second = await next();
  const one = (parts: Pack) => [step(START, served(parts), fresh(7))];
  const two = (parts: Pack, roots: Readonly<Record<number, string>> = {}) => [
    step(START, served(first), fresh(7)),
    step(after(60), served(parts, roots), fresh(8)),
  ];
  const online = (of: readonly VectorKey[], activations: readonly VectorKey[], leases: readonly VectorKey[]) => ({
    keys: keyMap(...rootKeys, ...of, alice, bob, carol),
    roles: { ...roles, activation: rule(1, ...activations), lease: rule(1, ...leases) },
  });
  const overlap = siteRoot({
    version: 2,
    ...online([activation, lease, nextActivation, nextLease], [activation, nextActivation], [lease, nextLease]),
  });
  const onlyNew = (version: number) =>
    siteRoot({ version, ...online([nextActivation, nextLease], [nextActivation], [nextLease]) });
  const byNew = { activationKeys: [nextActivation], leaseKeys: [nextLease] };
  const [v2, v3] = [await signRoot(overlap), await signRoot(onlyNew(3))];
  return [
    await draft("pass", "first contact", one(first)),
    await draft("pass", "an update", two(second)),
    await draft("pass", "renewal", [
      step(START, served(first), fresh(7)),
      step(after(240), served(await good({ issuedAt: after(240) })), fresh(7)),
      step(after(480), served(await good({ issuedAt: after(480) })), fresh(7)),
    ]),
    await draft("pass", "renewal by the lease alone", [
      step(START, served(first), fresh(7)),
      step(
        after(60),
        { ...served({}), attestation: `{"lease":${(await good({ issuedAt: after(60) })).lease}}` },
        fresh(7),
      ),
      step(after(359), served(await good({ issuedAt: after(359) })), fresh(7)),
    ]),
    await draft("pass", "URL-safe base64", one(mapped(first, urlSafe))),
    await draft("pass", "an unknown extra signature", one(mapped(first, withStranger))),
    await draft("pass", "unknown fields", await withUnknownFields()),
    await draft("pass", "no keyid", one(mapped(first, (envelope) => withKeyId(envelope, undefined)))),
    await draft("pass", "keyids of other keys", one(mapped(first, (envelope) => withKeyId(envelope, stranger.id)))),
    await draft(
      "pass",
      "white space in envelopes",
      one(mapped(first, (envelope) => JSON.stringify(JSON.parse(envelope), null, 2))),
    ),
    await draft("pass", "all three authors", one(await good({ authors: [alice, bob, carol] }))),
    await draft("pass", "authorised rollback", [
      ...two(second),
      step(after(120), served(await pack({ sequence: 9, number: 3, issuedAt: after(120) })), fresh(9)),
    ]),
    await draft("pass", "a gap between sequences", [
      step(START, served(first), fresh(7)),
      step(after(60), served(await next({ sequence: 100 })), fresh(100)),
    ]),
    await draft("pass", "a lease 59 seconds ahead", [
      step(START, served(await good({ issuedAt: after(59) })), fresh(7)),
    ]),
    await draft("pass", "rotation with overlap (floor kept)", [
      step(START, served(first), fresh(7)),
      step(after(60), served(await good({ issuedAt: after(60), rootVersion: 2 }), { 2: v2 }), fresh(7)),
      step(after(120), served(await next({ issuedAt: after(120), rootVersion: 2, ...byNew }), { 2: v2 }), fresh(8)),
      step(
        after(180),
        served(await next({ issuedAt: after(180), rootVersion: 3, ...byNew }), { 2: v2, 3: v3 }),
        fresh(8),
      ),
    ]),
    await draft("fail", "rotation with overlap, then replay", [
      step(START, served(first), fresh(7)),
      step(after(60), served(await next({ rootVersion: 2, ...byNew }), { 2: v2 }), fresh(8)),
      step(
        after(120),
        served(await good({ issuedAt: after(120), rootVersion: 2 }), { 2: v2 }),
        fresh(8, "rolled_back"),
      ),
    ]),
    await draft("pass", "rotation with overlap: the activation of before, signed again", [
      step(START, served(first), fresh(7)),
      step(
        after(60),
        served(
          {
            ...first,
            activation: await addSignature(first.activation, nextActivation.signer, nextActivation.key),
            lease: (await good({ issuedAt: after(60), rootVersion: 2, leaseKeys: [nextLease] })).lease,
          },
          { 2: await signRoot(onlyNew(2)) },
        ),
        fresh(7),
      ),
    ]),
    await draft("pass", "rotation without overlap (floor falls)", [
      step(START, served(await pack({ sequence: 5000, number: 3 })), fresh(5000)),
      step(
        after(60),
        served(await pack({ sequence: 8, issuedAt: after(60), rootVersion: 2, ...byNew }), {
          2: await signRoot(onlyNew(2)),
        }),
        fresh(8),
      ),
      step(after(120), served(await next({ sequence: 9, issuedAt: after(120), rootVersion: 2, ...byNew })), fresh(9)),
    ]),
    await draft("fail", "rotation without overlap, then the seized server again", [
      step(START, served(await pack({ sequence: 5000 })), fresh(5000)),
      step(
        after(60),
        served(await pack({ sequence: 8, issuedAt: after(60), rootVersion: 2, ...byNew }), {
          2: await signRoot(onlyNew(2)),
        }),
        fresh(8),
      ),
      step(after(90), served(await pack({ sequence: 5001, issuedAt: after(90) })), fresh(8, "bad_signature")),
    ]),
    await draft("pass", "rotation of root keys", two(await next({ rootVersion: 3 }), await rotatedRoots())),
    await draft("pass", "63 roots at once", two(await next({ rootVersion: 64 }), await manyRoots(64))),
    await draft(
      "pass",
      "a root that renews one that ran out",
      [
        step(START, served(first), fresh(7)),
        step(
          after(60),
          served(await next({ rootVersion: 2 }), { 2: await signRoot(siteRoot({ version: 2 })) }),
          fresh(8),
        ),
      ],
      { root: await signRoot(siteRoot({ expiresAt: after(30) })) },
    ),
    await draft("pass", "a lease of an older root", [
      step(START, served(first), fresh(7)),
      step(after(60), served(second, { 2: await signRoot(siteRoot({ version: 2 })) }), fresh(8)),
    ]),
    await draft(
      "pass",
      "another author's release after a change of authors",
      two(await next({ rootVersion: 2, authors: [carol, keys.dave] }), { 2: await signRoot(withAuthors(2)) }),
    ),
    await draft("pass", "names of keys", one(first), {
      root: await signRoot(siteRoot({ names: { [alice.id]: "alice", [bob.id]: "bob" } })),
    }),
    await draft(
      "pass",
      "no release where none is asked for",
      [step(START, served(await good({ environment: "dev", number: null })), fresh(7))],
      { environment: "dev" },
    ),
    await draft(
      "pass",
      "one author where one is enough",
      [step(START, served(await good({ environment: "staging", authors: [bob] })), fresh(7))],
      { environment: "staging" },
    ),
    await draft(
      "pass",
      "a release that nobody asks for",
      [step(START, served(await good({ environment: "dev", authors: [stranger] })), fresh(7))],
      { environment: "dev" },
    ),
    await draft("pass", "nothing active yet", [
      step(START, served({ lease: await nothingActive() }), empty()),
      step(after(60), served(second), fresh(8)),
    ]),
    await draft("pass", "one release for two environments", [
      step(START, served(await good({ released: twoEnvironments() })), fresh(7)),
    ]),
    await draft("pass", "a content without policies", [step(START, served(await good({ bytes: NOTHING })), fresh(7))]),
  ];
}

/** The smallest content. */
const NOTHING = new TextEncoder().encode('{"policies":{},"scope_policies":{}}');

function mapped(parts: Pack, change: (envelope: string) => string): Pack {
  const { lease: leased, activation: activated, release } = parts;
  return { ...parts, lease: change(leased), activation: change(activated), release: release && change(release) };
}

function urlSafe(envelope: string): string {
  const safe = (text: string) => text.replaceAll("+", "-").replaceAll("/", "_");
  return tampered(envelope, (json) => {
    json.payload = safe(json.payload);
    for (const signature of json.signatures) signature.sig = safe(signature.sig);
  });
}

function withStranger(envelope: string): string {
  return tampered(envelope, ({ signatures }) => {
    signatures.unshift({ keyid: "unknown", sig: Buffer.alloc(64, 7).toString("base64") });
  });
}

function withKeyId(envelope: string, keyid: string | undefined): string {
  return tampered(envelope, (json) => {
    json.signatures = json.signatures.map(({ sig }) => (keyid === undefined ? { sig } : { keyid, sig }));
  });
}

async function withUnknownFields() {
  const extra = (text: string) => text.replace(/\}$/, ',"later":{"a":[1,null,true]}}');
  const inner = (text: string) => extra(text).replace('"predicate":{', '"predicate":{"later":"x",');
  const second = await next();
  const released = await withRelease(second, await resigned(second.release ?? "", inner, [alice, bob]));
  const activated = await resigned(released.activation, inner, [activation]);
  const leased = await resigned(await leaseNaming(activated), extra, [lease]);
  const parts = { ...released, activation: activated, lease: leased };
  const root = await resigned(await signRoot(siteRoot({ version: 2 })), extra, rootKeys.slice(0, 2));
  const pack2 = served(
    mapped(parts, (envelope) => envelope.replace("{", '{"later":1,')),
    { 2: root },
  );
  const attestation = pack2.attestation.replace("{", '{"later":1,');
  return [step(START, served(await good()), fresh(7)), step(after(60), { ...pack2, attestation }, fresh(8))];
}

async function rotatedRoots(): Promise<Readonly<Record<number, string>>> {
  const rotated = (version: number): Root =>
    siteRoot({
      version,
      keys: keyMap(...nextRoot, activation, lease, alice, bob, carol),
      roles: { ...roles, root: rule(2, ...nextRoot) },
    });
  return {
    2: await signRoot(rotated(2), [...rootKeys.slice(0, 2), ...nextRoot.slice(0, 2)]),
    3: await signRoot(rotated(3), nextRoot.slice(1)),
  };
}

async function manyRoots(last: number): Promise<Readonly<Record<number, string>>> {
  const roots: Record<number, string> = {};
  for (let version = 2; version <= last; version++) roots[version] = await signRoot(siteRoot({ version }));
  return roots;
}

function withAuthors(version: number): Root {
  return siteRoot({
    version,
    keys: keyMap(...rootKeys, activation, lease, carol, keys.dave),
    environments: new Map([["prod", { release: rule(2, carol, keys.dave) }]]),
  });
}

async function nothingActive(): Promise<string> {
  return await leaseOf({
    orgId: ORG,
    projectId: PROJECT,
    environment: "prod",
    rootVersion: 1,
    sequence: 0,
    activation: null,
    issuedAt: START,
    expiresAt: after(300),
  });
}

function twoEnvironments(): ReadonlyMap<string, string> {
  const digest = sha256(content(100));
  return new Map([
    ["dev", digest],
    ["prod", digest],
  ]);
}
