import { createPublicKey, verify } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { AuditEventSchema } from "../../gen/signet/v1/audit_pb.js";
import { auditEventMessage, auditHeadMessage } from "../../src/bundle/audit-chain.js";
import { encodeBase64 } from "../../src/bundle/base64.js";
import { formatDocument, signatureMessage, signatureV2Message } from "../../src/bundle/document.js";
import { createNobleSigner, nobleVerifier } from "../../src/bundle/ed25519-noble.js";
import { keyEndorsementMessage } from "../../src/bundle/key-endorsement.js";
import { envelopeMessage, parseEnvelope, signersOf } from "../../src/bundle/envelope/dsse.js";
import { PROVENANCE_TYPE } from "../../src/bundle/envelope/provenance.js";
import { formatPrivateKey, parsePublicKey } from "../../src/bundle/keys.js";
import { canonicalContent } from "../../src/bundle/policy-hash.js";
import type { Signer } from "../../src/bundle/signer.js";
import { verifyDocument } from "../../src/bundle/verify-bundle.js";
import { EventChecker } from "../../src/cli/audit/audit-events.js";
import { verifyHead } from "../../src/cli/audit/audit-head.js";
import { instantOf } from "../../src/core/clock.js";
import { isEndorsedBy } from "../../src/service/keys/key-records.js";
import { signatureHeaders } from "../../src/outbound/signatures.js";

/** One key for all, which no server has: what keeps the kinds apart is the text alone. */
const signer = createNobleSigner(formatPrivateKey(new Uint8Array(32).fill(5)));
const key = parsePublicKey(signer.publicKeyPem);
const at = new Date("2026-04-22T12:00:00Z");

const identity = { bundleId: "b", orgId: "o", projectId: "p", environment: "e", publishedAt: "t" };
const content = canonicalContent('{"a":1}', "{}");
const signedEvent = {
  ...{ id: 1, actor: "ci", action: "publish", metadata: {}, org_id: "o", prev_signature: "" },
  ...{ created_at: at.toISOString(), resource_id: "r", resource_type: "bundle" },
};
const head = { org_id: "o", number: 1, hash: "sha256:00" };
const owner = { purpose: "bundles", orgId: "o", environmentId: null } as const;
const body = '{"type":"bundle.published"}';

const STATEMENT_TYPE = "application/vnd.in-toto+json";
const LEASE_TYPE = "application/vnd.signet.lease+json";

/** Activations and releases have one payload type; the predicate tells them apart. */
function statementOf(kind: "activation" | "release"): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ predicateType: `https://signet.dev/${kind}/v1` }));
}

/** What a webhook's delivery signs. */
async function deliveryMessage(eventId: string): Promise<Uint8Array> {
  const messages: Uint8Array[] = [];
  const recorder: Signer = {
    ...signer,
    sign: async (message) => {
      messages.push(message);
      return new Uint8Array(64);
    },
  };
  await signatureHeaders({ eventId, timestampSeconds: 1_776_859_200, body, secrets: [], signer: recorder });
  return messages[0] ?? new Uint8Array();
}

const MESSAGES = {
  "a bundle's hash": signatureMessage(content.policyHash),
  "a bundle's content and identity": signatureV2Message(identity, content),
  "an audit event": auditEventMessage(signedEvent),
  "an audit's head": auditHeadMessage(head),
  "a key's endorsement": keyEndorsementMessage({ ...owner, publicKey: key.bytes }),
  "an exported version": envelopeMessage(PROVENANCE_TYPE, new TextEncoder().encode("{}")),
  "an activation": envelopeMessage(STATEMENT_TYPE, statementOf("activation")),
  "a release": envelopeMessage(STATEMENT_TYPE, statementOf("release")),
  "a lease": envelopeMessage(LEASE_TYPE, new TextEncoder().encode("{}")),
  "a webhook's delivery": await deliveryMessage("evt_1"),
};
type Kind = keyof typeof MESSAGES;
const KINDS = Object.keys(MESSAGES) as Kind[];
const SIGNATURES = Object.fromEntries(
  await Promise.all(KINDS.map(async (kind) => [kind, encodeBase64(await signer.sign(MESSAGES[kind]))] as const)),
) as Record<Kind, string>;

const passes = async (check: Promise<unknown>) =>
  await check.then(
    () => true,
    () => false,
  );

function verifiesDocument(signature: string, signatureV2: string): Promise<boolean> {
  const text = formatDocument({
    ...{ identity, policiesText: '{"a":1}', scopePoliciesText: "{}", policyHash: content.policyHash },
    ...{ signature, signatureV2, bundleVersion: 1, keyId: key.keyId },
  });
  return passes(verifyDocument(text, [key], {}));
}

async function verifiesEnvelope(payloadType: string, payload: Uint8Array, sig: string): Promise<boolean> {
  const text = JSON.stringify({ payload: encodeBase64(payload), payloadType, signatures: [{ sig }] });
  const envelope = parseEnvelope(text, { maxLength: 1_000, maxSignatures: 1 });
  return (await signersOf(envelope, payloadType, [key], nobleVerifier)).length === 1;
}

/** Who checks a signature of each kind: the code that does it for users, but for webhooks, which their receivers check. */
const CHECKS: Record<Kind, (signature: string) => boolean | Promise<boolean>> = {
  "a bundle's hash": (signature) => verifiesDocument(signature, SIGNATURES["a bundle's content and identity"]),
  "a bundle's content and identity": (signature) => verifiesDocument(SIGNATURES["a bundle's hash"], signature),
  "an audit event": (signature) => {
    const { id, actor, action } = signedEvent;
    const event = create(AuditEventSchema, {
      ...{ id, actor, action, resourceType: "bundle", resourceId: "r", metadata: "{}", prevSignature: "" },
      ...{ createdAt: timestampFromDate(at), signature, keyId: key.keyId },
    });
    return new EventChecker("o", [key], 0).next(event) === null;
  },
  "an audit's head": (signature) => passes(verifyHead({ ...head, signature, key_id: key.keyId }, [key])),
  "a key's endorsement": (endorsement) =>
    isEndorsedBy(
      {
        ...{ ...owner, keyId: key.keyId, publicKeyPem: signer.publicKeyPem, createdAt: instantOf(at) },
        ...{ endorsedBy: key.keyId, endorsement, retiredAt: null },
      },
      signer.publicKeyPem,
    ),
  "an exported version": (sig) => verifiesEnvelope(PROVENANCE_TYPE, new TextEncoder().encode("{}"), sig),
  "an activation": (sig) => verifiesEnvelope(STATEMENT_TYPE, statementOf("activation"), sig),
  "a release": (sig) => verifiesEnvelope(STATEMENT_TYPE, statementOf("release"), sig),
  "a lease": (sig) => verifiesEnvelope(LEASE_TYPE, new TextEncoder().encode("{}"), sig),
  "a webhook's delivery": (signature) => {
    const publicKey = createPublicKey(signer.publicKeyPem);
    return verify(null, MESSAGES["a webhook's delivery"], publicKey, Buffer.from(signature, "base64"));
  },
};

describe.each(KINDS)("a signature of %s", (kind) => {
  it.each(KINDS)("as one of %s", async (asKind) => {
    expect(await CHECKS[asKind](SIGNATURES[kind])).toBe(kind === asKind);
  });
});

describe("the texts that are signed", () => {
  const MARKS = [
    "sha256:",
    "znyx-policy-bundle-sig-v2\0",
    "signet-audit-v1\0{",
    "signet-audit-v1\0head\0",
    "signet-key-v1\0",
    "DSSEv1 ",
  ];
  const textOf = (kind: Kind) => new TextDecoder().decode(MESSAGES[kind]);

  it("begin with marks of their own", () => {
    const found = KINDS.map((kind) => MARKS.filter((mark) => textOf(kind).startsWith(mark)));
    expect(found).toStrictEqual([...MARKS.map((mark) => [mark]), ["DSSEv1 "], ["DSSEv1 "], ["DSSEv1 "], []]);
  });

  it.each(MARKS)("of a webhook cannot begin with %j, whatever its event is called", async (mark) => {
    await expect(deliveryMessage(mark)).rejects.toThrow(TypeError);
  });
});
