import type { VectorCase } from "../../case.js";
import { refused, next, served } from "../draft.js";
import { keys, type VectorKey } from "../keys.js";
import { after, leaseOf, ORG, pack, PROJECT, rule, signRoot, siteRoot, type Pack } from "../objects.js";
import { flippedPayload, flippedSignature, payloadDigest, resigned, tampered, type EnvelopeJson } from "../tamper.js";

const { activation: activationKey, lease: leaseKey, alice, bob, stranger } = keys;

/** A lease of sequence 8 that names an activation. */
export async function leaseNaming(activation: string, by: readonly VectorKey[] = [leaseKey]): Promise<string> {
  return await leaseOf(
    {
      orgId: ORG,
      projectId: PROJECT,
      environment: "prod",
      rootVersion: 1,
      sequence: 8,
      activation: payloadDigest(activation),
      issuedAt: after(60),
      expiresAt: after(360),
    },
    by,
  );
}

/** The pack with another activation, which its lease names. */
async function withActivation(parts: Pack, activation: string): Promise<Pack> {
  return { ...parts, activation, lease: await leaseNaming(activation) };
}

/** The pack with another release, which its activation names, and its lease that. */
export async function withRelease(parts: Pack, release: string): Promise<Pack> {
  const named = `"release":"${payloadDigest(release)}"`;
  const activation = await resigned(parts.activation, (text) => text.replace(/"release":[^,]*/, named), [
    activationKey,
  ]);
  return { ...(await withActivation(parts, activation)), release };
}

/** Signatures, types and forms of envelopes and payloads. */
export async function envelopeCases(): Promise<readonly VectorCase[]> {
  const parts = await next();
  const { lease, activation, release } = parts as Pack & { readonly release: string };
  const type = (json: EnvelopeJson) => {
    json.payloadType = "application/vnd.signet.other+json";
  };
  const garbled = (json: EnvelopeJson) => {
    json.payload = `*${json.payload.slice(1)}`;
  };
  const oneKey = await signRoot(
    siteRoot({
      roles: { ...siteRoot().roles, lease: rule(1, activationKey), activation: rule(1, activationKey, alice) },
    }),
  );
  const one = await next({ leaseKeys: [activationKey] });
  const oneFirst = { root: oneKey };
  const junk = (count: number) => (json: EnvelopeJson) => {
    json.signatures.push(
      ...Array.from({ length: count }, () => ({ keyid: "00", sig: Buffer.alloc(64).toString("base64") })),
    );
  };
  const padded = (length: number) => (json: EnvelopeJson) => {
    json.signatures.push({ keyid: "0".repeat(length), sig: "" });
  };
  const serve = (changes: Partial<Pack>) => served({ ...parts, ...changes });
  return [
    await refused("bit of payload: lease", "bad_signature", serve({ lease: flippedPayload(lease) })),
    await refused("bit of payload: activation", "mix_and_match", serve({ activation: flippedPayload(activation) })),
    await refused(
      "bit of payload: activation, which the lease names",
      "bad_signature",
      served(await withActivation(parts, flippedPayload(activation))),
    ),
    await refused("bit of payload: release", "mix_and_match", serve({ release: flippedPayload(release) })),
    await refused(
      "bit of payload: release, which the activation names",
      "bad_signature",
      served(await withRelease(parts, flippedPayload(release))),
    ),
    await refused("bit of signature: lease", "bad_signature", serve({ lease: flippedSignature(lease) })),
    await refused("bit of signature: activation", "bad_signature", serve({ activation: flippedSignature(activation) })),
    await refused("bit of signature: release", "bad_signature", serve({ release: flippedSignature(release) })),
    await refused("stripped: lease", "malformed", served({ activation, release, content: parts.content })),
    await refused("stripped: activation", "malformed", served({ lease, release, content: parts.content })),
    await refused("stripped: release", "release_missing", served({ lease, activation, content: parts.content })),
    await refused("stripped: all", "malformed", served({})),
    await refused("payloadType changed: lease", "bad_signature", serve({ lease: tampered(lease, type) })),
    await refused(
      "payloadType changed: activation",
      "bad_signature",
      serve({ activation: tampered(activation, type) }),
    ),
    await refused("payloadType changed: release", "bad_signature", serve({ release: tampered(release, type) })),
    await refused("release given as activation", "mix_and_match", serve({ activation: release })),
    await refused(
      "release given as activation, which the lease names",
      "bad_signature",
      served(await withActivation(parts, release)),
    ),
    await signedByBoth(oneKey),
    await refused(
      "activation given as lease, by a key of both",
      "wrong_type",
      served({ ...one, lease: one.activation }),
      {
        ...oneFirst,
      },
    ).then((it) => firstBy(it, activationKey)),
    await refused("lease given as activation", "mix_and_match", serve({ activation: lease })),
    await refused(
      "lease of another type",
      "wrong_type",
      serve({ lease: await resigned(lease, (text) => text.replace("signet-lease/1", "signet-lease/2"), [leaseKey]) }),
    ),
    await refused(
      "activation of another predicate",
      "wrong_type",
      served(
        await withActivation(
          parts,
          await resigned(activation, (text) => text.replace("activation/v1", "activation/v2"), [activationKey]),
        ),
      ),
    ),
    await refused(
      "release of another predicate",
      "wrong_type",
      served(
        await withRelease(
          parts,
          await resigned(release, (text) => text.replace("signet.dev/release/v1", "example.com/release/v1"), [
            alice,
            bob,
          ]),
        ),
      ),
    ),
    await refused(
      "release of another statement version",
      "wrong_type",
      served(
        await withRelease(
          parts,
          await resigned(release, (text) => text.replace("Statement/v1", "Statement/v2"), [alice, bob]),
        ),
      ),
    ),
    await refused(
      "duplicate key in a payload: lease",
      "malformed",
      serve({ lease: await resigned(lease, twice, [leaseKey]) }),
    ),
    await refused(
      "duplicate key in a payload: activation",
      "malformed",
      served(await withActivation(parts, await resigned(activation, twice, [activationKey]))),
    ),
    await refused(
      "duplicate key in a payload: release",
      "malformed",
      served(await withRelease(parts, await resigned(release, twice, [alice, bob]))),
    ),
    await refused("200 KB envelope", "too_large", serve({ lease: tampered(lease, padded(200_000)) })),
    await refused(
      "an envelope above 64 KiB: activation",
      "too_large",
      serve({ activation: tampered(activation, padded(65_536)) }),
    ),
    await refused(
      "an envelope above 64 KiB: release",
      "too_large",
      serve({ release: tampered(release, padded(65_536)) }),
    ),
    await refused("33 signatures", "too_large", serve({ lease: tampered(lease, junk(32)) })),
    await refused("no signature", "bad_signature", serve({ lease: tampered(lease, (json) => (json.signatures = [])) })),
    await refused(
      "signed by a stranger: lease",
      "bad_signature",
      serve({ lease: await leaseNaming(activation, [stranger]) }),
    ),
    await refused(
      "signed by a stranger who gives the id of another key",
      "bad_signature",
      serve({
        lease: tampered(await leaseNaming(activation, [stranger]), ({ signatures: [first] }) => {
          if (first !== undefined) first.keyid = leaseKey.id;
        }),
      }),
    ),
    await refused(
      "lease signed by the key for activations",
      "bad_signature",
      served(await next({ leaseKeys: [activationKey] })),
    ),
    await refused(
      "activation signed by the key for leases",
      "bad_signature",
      served(await next({ activationKeys: [leaseKey] })),
    ),
    await refused("invalid base64", "malformed", serve({ lease: tampered(lease, garbled) })),
    await refused("attestation that is not JSON", "malformed", { ...served(parts), attestation: "<html>" }),
    await refused("attestation with two leases", "malformed", {
      ...served(parts),
      attestation: served(parts).attestation.replace("{", `{"lease":${lease},`),
    }),
    ...(await forms(parts)),
  ];
}

/** Payloads, signed as they should be, whose form is not that of docs/trust.md. */
async function forms(parts: Pack): Promise<readonly VectorCase[]> {
  const lease = async (name: string, change: (text: string) => string) =>
    await refused(name, "malformed", served({ ...parts, lease: await resigned(parts.lease, change, [leaseKey]) }));
  const activation = async (name: string, change: (text: string) => string) =>
    await refused(
      name,
      "malformed",
      served(await withActivation(parts, await resigned(parts.activation, change, [activationKey]))),
    );
  return [
    await lease("a fraction in a payload", (text) => text.replace('"sequence":8', '"sequence":8.0')),
    await lease("an exponent in a payload", (text) => text.replace('"sequence":8', '"sequence":8e0')),
    await lease("a number above 2^53", (text) => text.replace('"sequence":8', '"sequence":9007199254740993')),
    await lease("a negative number", (text) => text.replace('"root_version":1', '"root_version":-1')),
    await lease("a number as text", (text) => text.replace('"sequence":8', '"sequence":"8"')),
    await lease("a time with a fraction", (text) => text.replace('00Z"}', '00.000Z"}')),
    await lease("a time with an offset", (text) => text.replace('00Z"}', '00+00:00"}')),
    await lease("a time that does not exist", (text) => text.replace("2026-03-01T12:06", "2026-02-30T12:06")),
    await lease("a digest in upper case", (text) => text.replace(/[0-9a-f]{64}/, (digest) => digest.toUpperCase())),
    await lease("a missing field", (text) => text.replace(/,"issued_at":"[^"]*"/, "")),
    await lease("an active sequence without activation", (text) => text.replace(/"[0-9a-f]{64}"/, "null")),
    await lease("a payload that is a list", (text) => `[${text}]`),
    await lease("text after the payload", (text) => `${text} {}`),
    await activation("an activation without document", (text) => text.replace('"name":"document"', '"name":"other"')),
    await activation("two contents in one activation", (text) => text.replace('"name":"document"', '"name":"content"')),
  ];
}

/** alice signs releases and activations here: the type alone tells them apart. */
async function signedByBoth(root: string): Promise<VectorCase> {
  const parts = await next({ authors: [alice, bob], leaseKeys: [activationKey] });
  const release = parts.release ?? "";
  const lease = await leaseNaming(release, [activationKey]);
  const name = "release given as activation, by a key of both";
  return firstBy(
    await refused(name, "wrong_type", served({ ...parts, activation: release, lease }), { root }),
    activationKey,
  );
}

/** The case with a first pack whose lease another key signed. */
async function firstBy(it: VectorCase, by: VectorKey): Promise<VectorCase> {
  const [first, ...others] = it.steps;
  if (first === undefined) throw new Error("no step");
  return { ...it, steps: [{ ...first, serve: served(await pack({ leaseKeys: [by] })) }, ...others] };
}

/** The first field of an object twice. */
function twice(text: string): string {
  return text.replace(/^\{("[^"]+":(?:"[^"]*"))/, "{$1,$1");
}
