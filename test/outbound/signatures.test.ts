import { createHmac, createPublicKey, verify } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { createNobleSigner } from "../../src/bundle/ed25519-noble.js";
import { formatPrivateKey } from "../../src/bundle/keys.js";
import { createWebhookSecret } from "../../src/outbound/secret.js";
import { signatureHeaders } from "../../src/outbound/signatures.js";

const signer = createNobleSigner(formatPrivateKey(Buffer.alloc(32, 7)));
const body = '{"type":"bundle.published","data":{"name":"grün 🌱"}}';
// The verifier of the Standard Webhooks library looks at the clock.
const timestampSeconds = Math.floor(Date.now() / 1000);
const [current, old] = [createWebhookSecret(), createWebhookSecret()];

function sign(secrets: readonly string[], withKey = true) {
  return signatureHeaders({ eventId: "evt_1-a", timestampSeconds, body, secrets, signer: withKey ? signer : null });
}

describe("createWebhookSecret", () => {
  it("is whsec_ and 32 random bytes in base64", () => {
    expect(current).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(Buffer.from(current.slice(6), "base64")).toHaveLength(32);
    expect(current).not.toBe(old);
  });
});

describe("signatureHeaders", () => {
  it("signs as the Standard Webhooks library verifies", async () => {
    const headers = await sign([current]);
    expect(new Webhook(current).verify(body, headers)).toEqual(JSON.parse(body));
    expect(() => new Webhook(old).verify(body, headers)).toThrow("No matching signature");
    expect(() => new Webhook(current).verify(`${body} `, headers)).toThrow("No matching signature");
    expect(() => new Webhook(current).verify(body, { ...headers, "webhook-id": "evt_2" })).toThrow("No matching");
    expect(headers).toMatchObject({ "webhook-id": "evt_1-a", "webhook-timestamp": String(timestampSeconds) });
  });

  it("signs with every secret in its grace time, the current one first, and with the key last", async () => {
    const headers = await sign([current, old]);
    const signatures = headers["webhook-signature"]?.split(" ") ?? [];
    expect(signatures.map((it) => it.split(",")[0])).toEqual(["v1", "v1", "v1a"]);
    expect(new Webhook(current).verify(body, headers)).toEqual(JSON.parse(body));
    expect(new Webhook(old).verify(body, headers)).toEqual(JSON.parse(body));
    expect(signatures[0]).toBe((await sign([current]))["webhook-signature"]?.split(" ")[0]);
  });

  it("signs v1 as the specification has it, checked without the library", async () => {
    const headers = await sign([current], false);
    const key = Buffer.from(current.slice("whsec_".length), "base64");
    const expected = createHmac("sha256", key).update(`evt_1-a.${timestampSeconds}.${body}`).digest("base64");
    expect(headers["webhook-signature"]).toBe(`v1,${expected}`);
  });

  it("signs v1a with Ed25519 over id, timestamp and body", async () => {
    const headers = await sign([]);
    const [version, signature = ""] = headers["webhook-signature"]?.split(",") ?? [];
    const key = createPublicKey(signer.publicKeyPem);
    const bytes = Buffer.from(signature, "base64");
    expect(version).toBe("v1a");
    expect(verify(null, Buffer.from(`evt_1-a.${timestampSeconds}.${body}`), key, bytes)).toBe(true);
    expect(verify(null, Buffer.from(`evt_1-a.${timestampSeconds + 1}.${body}`), key, bytes)).toBe(false);
  });

  it("gives Znyx the HMAC of the body, keyed by the current secret's whole text", async () => {
    const headers = await sign([current, old]);
    const hex = (key: string | Buffer) => createHmac("sha256", key).update(body, "utf8").digest("hex");
    expect(headers["x-webhook-signature"]).toBe(`sha256=${hex(Buffer.from(current, "utf8"))}`);
    expect(headers["x-webhook-signature"]).not.toContain(hex(Buffer.from(current.slice(6), "base64")));
    expect(headers["x-webhook-signature"]).not.toContain(hex(old));
  });

  it("leaves out what there is no secret and no key for", async () => {
    expect(Object.keys(await sign([]))).toEqual(["webhook-id", "webhook-timestamp", "webhook-signature"]);
    expect(Object.keys(await sign([], false))).toEqual(["webhook-id", "webhook-timestamp"]);
  });

  it("shows no secret", async () => {
    const text = JSON.stringify(await sign([current, old]));
    expect(text).not.toContain("whsec_");
    expect(text).not.toContain(current.slice(6));
  });

  it.each(["", "evt.1", "evt 1", "evt\n1"])("does not sign for the id %j", async (eventId) => {
    const message = { eventId, timestampSeconds, body, secrets: [current], signer };
    await expect(signatureHeaders(message)).rejects.toThrow(TypeError);
  });
});
