import { describe, expect, it } from "vitest";
import { encodeBase64 } from "../../../src/bundle/base64.js";
import { createNobleSigner, nobleVerifier } from "../../../src/bundle/ed25519-noble.js";
import {
  addSignature,
  envelopeMessage,
  parseEnvelope,
  signEnvelope,
  signersOf,
} from "../../../src/bundle/envelope/dsse.js";
import { parseSignedObject } from "../../../src/bundle/envelope/signed-json.js";
import { formatPrivateKey, parsePublicKey } from "../../../src/bundle/keys.js";

const signer = (byte: number) => createNobleSigner(formatPrivateKey(new Uint8Array(32).fill(byte)));
const [alice, bob] = [signer(1), signer(2)];
const keyOf = ({ publicKeyPem }: { publicKeyPem: string }) => parsePublicKey(publicKeyPem);
const keys = [keyOf(alice), keyOf(bob)];
const TYPE = "application/vnd.test+json";
const payload = new TextEncoder().encode('{"a":1}');
const bounds = { maxLength: 10_000, maxSignatures: 3 };
const parsed = (text: string) => parseEnvelope(text, bounds);

interface Envelope {
  payload: string;
  payloadType: string;
  signatures: { keyid?: string; sig: string }[];
}
const envelopeOf = async (by = alice) => JSON.parse(await signEnvelope(TYPE, payload, by, keyOf(by))) as Envelope;
const signed = async (envelope: object, type = TYPE) =>
  (await signersOf(parsed(JSON.stringify(envelope)), type, keys, nobleVerifier)).map(({ keyId }) => keyId);

describe("an envelope", () => {
  it("signs what DSSE 1.0.2 says", () => {
    // The example of the protocol's text.
    const message = envelopeMessage("http://example.com/HelloWorld", new TextEncoder().encode("hello world"));
    expect(new TextDecoder().decode(message)).toBe("DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    expect(new TextDecoder().decode(envelopeMessage("é", new Uint8Array()))).toBe("DSSEv1 2 é 0 ");
  });

  it("verifies by any trusted key, whatever its keyid says, and counts each key once", async () => {
    const envelope = await envelopeOf();
    const other = await envelopeOf(bob);
    const [a] = envelope.signatures as [{ keyid: string; sig: string }];
    const [b] = other.signatures as [{ keyid: string; sig: string }];
    expect(await signed(envelope)).toEqual([alice.keyId]);
    expect(await signed({ ...envelope, signatures: [{ sig: a.sig }] })).toEqual([alice.keyId]);
    expect(await signed({ ...envelope, signatures: [{ ...a, keyid: b.keyid }] })).toEqual([alice.keyId]);
    expect(await signed({ ...envelope, signatures: [a, a, b] })).toEqual([alice.keyId, bob.keyId]);
    const zeros = { keyid: "x", sig: encodeBase64(new Uint8Array(64)) };
    expect(await signed({ ...envelope, signatures: [zeros, a] })).toEqual([alice.keyId]);
  });

  it("gets further signatures over the same payload, one for each key", async () => {
    const one = await signEnvelope(TYPE, payload, alice, keyOf(alice));
    const two = await addSignature(one, bob, keyOf(bob));
    expect(await signed(JSON.parse(two) as Envelope)).toEqual([alice.keyId, bob.keyId]);
    expect(await addSignature(two, bob, keyOf(bob))).toBe(two);
    expect((JSON.parse(two) as Envelope).payload).toBe((JSON.parse(one) as Envelope).payload);
    await expect(
      addSignature(two, signer(3), keyOf(signer(3)), { maxLength: 10_000, maxSignatures: 2 }),
    ).rejects.toThrow(expect.objectContaining({ reason: "malformed" }));
    await expect(addSignature("{}", bob, keyOf(bob))).rejects.toMatchObject({ reason: "malformed" });
  });

  it("takes URL-safe base64", async () => {
    const envelope = await envelopeOf();
    const urlSafe = (text: string) => text.replaceAll("+", "-").replaceAll("/", "_");
    const signatures = envelope.signatures.map(({ sig }) => ({ sig: urlSafe(sig) }));
    expect(await signed({ ...envelope, payload: urlSafe(envelope.payload), signatures })).toEqual([alice.keyId]);
  });

  it("does not verify with another type, payload or signature", async () => {
    const envelope = await envelopeOf();
    expect(await signed({ ...envelope, payload: encodeBase64(new TextEncoder().encode('{"a":2}')) })).toEqual([]);
    expect(await signed({ ...envelope, signatures: [] })).toEqual([]);
    await expect(signed({ ...envelope, payloadType: "x" })).rejects.toMatchObject({ reason: "malformed" });
    await expect(signed({ ...envelope, payloadType: "x" }, "x")).resolves.toEqual([]);
  });

  it.each([
    ["[]"],
    ['{"payload":"","payload":"","payloadType":"","signatures":[]}'],
    ['{"payload":"","payloadType":"","signatures":{}}'],
    ['{"payload":1,"payloadType":"","signatures":[]}'],
    ['{"payload":"*","payloadType":"","signatures":[]}'],
    ['{"payload":"","payloadType":"","signatures":[null]}'],
    ['{"payload":"","payloadType":"","signatures":[{"sig":1}]}'],
    ['{"payload":"","payloadType":"","signatures":[{"sig":""},{"sig":""},{"sig":""},{"sig":""}]}'],
    [`{"payload":"","payloadType":"${"x".repeat(10_000)}","signatures":[]}`],
  ])("refuses %s", (text) => {
    expect(() => parsed(text)).toThrow(expect.objectContaining({ reason: "malformed" }));
  });
});

describe("a signed payload", () => {
  const read = (text: string) => parseSignedObject(new TextEncoder().encode(text), "p");

  it.each([
    ["a duplicate key", '{"a":1,"a":1}'],
    ["a fraction", '{"a":1.0}'],
    ["an exponent", '{"a":[1e2]}'],
    ["an integer beyond 2^53", '{"a":9007199254740993}'],
    ["a list", "[]"],
    ["what is no JSON", "{"],
    ["a byte order mark", "\ufeff{}"],
  ])("refuses %s", (_, text) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ reason: "malformed" }));
  });

  it("refuses invalid UTF-8", () => {
    expect(() => parseSignedObject(new Uint8Array([0x7b, 0xff, 0x7d]), "p")).toThrow("UTF-8");
  });

  it("gives typed fields and says which is wrong", () => {
    const object = read(
      '{"text":"é\\n","n":3,"none":null,"list":[{"a":"x"}],"map":{"k":"v"},"flag":true,"bad":"\\u0000"}',
    );
    expect(object.text("text", 2)).toBe("é\n");
    expect(object.integer("n")).toBe(3);
    expect(object.optionalText("none", 1)).toBeNull();
    expect(object.optionalInteger("absent")).toBeNull();
    expect(object.objects("list", 1)[0]?.text("a", 1)).toBe("x");
    expect(object.texts("map", 1, 1, 1)).toEqual({ k: "v" });
    expect(object.flag("flag")).toBe(true);
    expect(() => object.text("text", 1)).toThrow("p.text must be a text of at most 1 characters");
    expect(() => object.text("bad", 9)).toThrow("p.bad");
    expect(() => object.text("toString", 9)).toThrow("p.toString");
    expect(() => object.integer("n", 4)).toThrow("p.n must be an integer from 4");
    expect(() => object.objects("list", 0)).toThrow("p.list");
    expect(() => object.texts("map", 0, 1, 1)).toThrow("p.map");
    expect(() => object.object("n")).toThrow("p.n must be an object");
  });
});
