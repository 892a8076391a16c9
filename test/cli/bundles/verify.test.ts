import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { IDENTITY, otherSigner, signedDocument, signer } from "../../sdk/signed-push.js";
import { runSignet } from "../in-process.js";

const folder = mkdtempSync(join(tmpdir(), "signet-verify-"));
const fileWith = (name: string, text: string | Uint8Array) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const good = fileWith("good.json", (await signedDocument({ version: 3 })).document);
const keys = fileWith("keys.pem", `${otherSigner.publicKeyPem}\n# and ours\n${signer.publicKeyPem}`);
const changed = fileWith("bad.json", (await signedDocument()).document.replace("v1", "v2"));
const otherKey = fileWith("other.pem", otherSigner.publicKeyPem);

describe("signet verify", () => {
  it("says whose document it is, without a server or a token", async () => {
    const argv = ["verify", good, "--keys", keys, "--env", "dev", "--org", IDENTITY.orgId, "--json"];
    const { exitCode, out, err } = await runSignet(argv);
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
    expect(JSON.parse(out)).toEqual({
      valid: true,
      org_id: IDENTITY.orgId,
      project_id: IDENTITY.projectId,
      environment: "dev",
      bundle_id: IDENTITY.bundleId,
      bundle_version: 3,
      published_at: IDENTITY.publishedAt,
      policy_hash: (await signedDocument({ version: 3 })).policyHash,
      key_id: signer.keyId,
      identity_is_signed: true,
      signed: ["org_id", "project_id", "environment", "bundle_id", "published_at", "policy_hash"],
      not_signed: ["bundle_version"],
    });
    // A version that somebody changed on the way verifies: it must not stand among what was signed.
    const { document } = await signedDocument({ version: 3 });
    const forged = fileWith("forged.json", document.replace('"bundle_version":3', '"bundle_version":9'));
    const text = (await runSignet(["verify", forged, "--keys", keys])).out;
    expect(text.split("not signed")[0]).not.toContain("version");
    expect(text.split("not signed")[1]).toMatch(/bundle version +9/);
  });

  it("reads standard input", async () => {
    const { document } = await signedDocument();
    expect((await runSignet(["verify", "-", "--keys", keys], { stdin: document })).exitCode).toBe(0);
  });

  it.each([
    ["another environment", [good, "--keys", keys, "--env", "prod"], "identity"],
    ["another organization", [good, "--keys", keys, "--org", IDENTITY.projectId], "identity"],
    ["another key", [good, "--keys", otherKey], "unknown_key"],
    ["a changed document", [changed, "--keys", keys], "hash"],
    ["no document", [keys, "--keys", keys], "malformed"],
  ])("refuses %s with exit code 8", async (_, argv, reason) => {
    const { exitCode, out, err } = await runSignet(["verify", ...argv, "--json"]);
    expect({ exitCode, out }).toEqual({ exitCode: 8, out: "" });
    expect(JSON.parse(err)).toMatchObject({ error: reason, exit_code: 8 });
  });

  it("wants signature_v2 unless told otherwise", async () => {
    const old = JSON.parse((await signedDocument()).document) as Record<string, unknown>;
    delete old["signature_v2"];
    const file = fileWith("old.json", JSON.stringify(old));
    expect((await runSignet(["verify", file, "--keys", keys])).exitCode).toBe(8);
    const { exitCode, out } = await runSignet(["verify", file, "--keys", keys, "--no-signature-v2"]);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/identity is signed +no/);
  });

  it.each([
    ["a key file without a key", [good, "--keys", good]],
    [
      "a private key",
      [good, "--keys", fileWith("x.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")],
    ],
    ["a file that is not there", [join(folder, "none.json"), "--keys", keys]],
    ["bytes that are no UTF-8", [fileWith("latin.json", Uint8Array.of(0x7b, 0xe9, 0x7d)), "--keys", keys]],
  ])("refuses %s with exit code 6", async (_, argv) => {
    expect((await runSignet(["verify", ...argv])).exitCode).toBe(6);
  });
});
