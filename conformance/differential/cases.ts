import { leaseNaming } from "../../test/vectors/make/cases/envelopes.js";
import { next } from "../../test/vectors/make/draft.js";
import { keys } from "../../test/vectors/make/keys.js";
import { after, pack, sha256, sign, signRoot, siteRoot, type Pack } from "../../test/vectors/make/objects.js";
import { payloadDigest, payloadText } from "../../test/vectors/make/tamper.js";
import { mutated } from "./mutate.js";

/** What a server serves, in bytes. */
export interface DifferentialCase {
  /** Which part is mutated. */
  readonly target: string;
  /** The mutated bytes, for the report. */
  readonly bytes: Uint8Array;
  /** A pinned root, for a case of `init` alone. */
  readonly pinned?: Uint8Array;
  readonly roots: Readonly<Record<string, Uint8Array>>;
  readonly attestation: Uint8Array;
  readonly content: Uint8Array;
}

const TYPES = {
  statement: "application/vnd.in-toto+json",
  lease: "application/vnd.signet.lease+json",
  root: "application/vnd.signet.root+json",
} as const;
const AUTHORS = [keys.alice, keys.bob];
const TARGETS = [
  ...["attestation", "envelope of the lease", "envelope of the activation", "envelope of the release"],
  ...["lease", "lease", "activation", "activation", "release", "release", "root", "root", "pinned root"],
  ...["envelope of the root", "envelope of the pinned root", "content", "content"],
] as const;

/** A case: one mutation, of a text as it is, or of a payload that is signed again, with what names it. */
export async function differentialCase(random: () => number): Promise<DifferentialCase> {
  const target = TARGETS[Math.floor(random() * TARGETS.length)] ?? "attestation";
  const good = await next();
  const change = (text: string | Uint8Array) => mutated(typeof text === "string" ? Buffer.from(text) : text, random);
  const made = (parts: Pack, bytes: Uint8Array, roots: DifferentialCase["roots"] = {}): DifferentialCase => {
    const { lease, activation, release, content } = parts;
    return { target, bytes, roots, attestation: attestationOf([lease, activation, release ?? "null"]), content };
  };
  const raw = (index: number): DifferentialCase => {
    const envelopes = [good.lease, good.activation, good.release ?? "null"].map((text) => Buffer.from(text));
    const bytes = change(envelopes[index] ?? "");
    envelopes[index] = Buffer.from(bytes);
    return { ...made(good, bytes), attestation: attestationOf(envelopes) };
  };
  switch (target) {
    case "attestation": {
      const bytes = change(made(good, new Uint8Array()).attestation);
      return { ...made(good, bytes), attestation: bytes };
    }
    case "envelope of the lease":
      return raw(0);
    case "envelope of the activation":
      return raw(1);
    case "envelope of the release":
      return raw(2);
    case "lease": {
      const bytes = change(payloadText(good.lease));
      return made({ ...good, lease: await sign(TYPES.lease, bytes, [keys.lease]) }, bytes);
    }
    case "activation": {
      const bytes = change(payloadText(good.activation));
      return made(await namedBy({ ...good, activation: await sign(TYPES.statement, bytes, [keys.activation]) }), bytes);
    }
    case "release": {
      const bytes = change(payloadText(good.release ?? ""));
      const release = await sign(TYPES.statement, bytes, AUTHORS);
      const text = payloadText(good.activation).replace(/"release":[^,]*/, `"release":"${payloadDigest(release)}"`);
      const activation = await sign(TYPES.statement, text, [keys.activation]);
      return made(await namedBy({ ...good, activation, release }), bytes);
    }
    case "content": {
      const bytes = change(good.content);
      const released = new Map([["prod", sha256(bytes)]]);
      return made(await pack({ sequence: 8, bytes, number: 4, issuedAt: after(60), released }), bytes);
    }
    case "pinned root":
    case "envelope of the pinned root": {
      const envelope = await signRoot(siteRoot());
      const isPayload = target === "pinned root";
      const bytes = change(isPayload ? payloadText(envelope) : envelope);
      const pinned = isPayload ? Buffer.from(await sign(TYPES.root, bytes, keys.root.slice(0, 2))) : bytes;
      return { ...made(good, bytes), pinned };
    }
    case "root":
    case "envelope of the root": {
      const envelope = await signRoot(siteRoot({ version: 2 }));
      const isPayload = target === "root";
      const bytes = change(isPayload ? payloadText(envelope) : envelope);
      const root = isPayload ? Buffer.from(await sign(TYPES.root, bytes, keys.root.slice(0, 2))) : bytes;
      return made(await next({ rootVersion: 2 }), bytes, { 2: root });
    }
  }
}

async function namedBy(parts: Pack): Promise<Pack> {
  return { ...parts, lease: await leaseNaming(parts.activation) };
}

function attestationOf(envelopes: readonly (string | Uint8Array)[]): Buffer {
  const [lease = "", activation = "", release = ""] = envelopes.map((it) => Buffer.from(it as string));
  const names = ['{"lease":', ',"activation":', ',"release":'].map((text) => Buffer.from(text));
  const parts = [lease, activation, release].flatMap((it, index) => [names[index] ?? "", it]);
  return Buffer.concat([...parts, ',"proof":null}'].map((it) => Buffer.from(it as string)));
}
