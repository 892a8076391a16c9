import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Shell } from "../../src/cli/shell/shell.js";
import { followKeys } from "../../src/cli/shell/trusted-keys.js";
import { otherSigner, signer } from "../sdk/signed-push.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "signet-keys-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("a file of keys that a watch trusts", () => {
  const said: string[] = [];
  const shell = new Shell({ err: (text: string) => void said.push(text) } as Shell["io"], false);
  const put = (text: string) => {
    writeFileSync(join(folder, "new.pem"), text);
    renameSync(join(folder, "new.pem"), join(folder, "keys.pem"));
  };

  it("is read again when it was replaced, and what cannot be used does not take the place of what can", async () => {
    const ids = async () => (await keys()).map(({ keyId }) => keyId);
    put(signer.publicKeyPem);
    const keys = await followKeys(join(folder, "keys.pem"), shell);
    expect(await ids()).toEqual([signer.keyId]);
    expect(await keys()).toBe(await keys());
    put(signer.publicKeyPem + otherSigner.publicKeyPem);
    expect(await ids()).toEqual([signer.keyId, otherSigner.keyId]);
    put("no key");
    expect(await ids()).toEqual([signer.keyId, otherSigner.keyId]);
    rmSync(join(folder, "keys.pem"));
    expect(await ids()).toEqual([signer.keyId, otherSigner.keyId]);
    put(otherSigner.publicKeyPem);
    expect(await ids()).toEqual([otherSigner.keyId]);
    expect(said.join("")).toMatch(
      /has changed: trusting .*\n.*keeping the previous keys: .*contains no PEM public key/,
    );
  });
});
