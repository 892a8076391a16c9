import { createPublicKey } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ORG, People, PROJECT } from "./people.js";

const PASSPHRASE = "correct horse battery";
const environment = { SIGNET_TRUST_PASSPHRASE: PASSPHRASE };

describe("private keys of trust", () => {
  it("are encrypted, and open with the passphrase only", async () => {
    using people = new People();
    const made = await people.json("trust new-key @alice.key", { environment });
    expect(made).toMatchObject({ encrypted: true, private_key: people.file("alice.key") });
    expect(statSync(people.file("alice.key")).mode & 0o777).toBe(0o600);
    expect(people.read("alice.key")).toContain("-----BEGIN SIGNET ENCRYPTED KEY-----");
    expect(createPublicKey(people.read("alice.pub")).asymmetricKeyType).toBe("ed25519");

    await people.json(
      `trust init --dir @trust --keys @server.pub --root-keys ${people.file("alice.key")} --org ${ORG} --project ${PROJECT}`,
    );
    const wrong = { SIGNET_TRUST_PASSPHRASE: "another passphrase" };
    const sign = "trust sign --key @alice.key --dir @trust";
    const refused = await people.run(sign, { environment: wrong });
    expect(refused.err).toContain("alice.key: the passphrase does not open the key");
    expect(refused.err).not.toContain("another passphrase");
    expect(refused).toMatchObject({ exitCode: 6, out: "" });

    const nobody = await people.run(sign);
    expect(nobody.err).toContain("set SIGNET_TRUST_PASSPHRASE or SIGNET_TRUST_PASSPHRASE_FILE");
    expect(nobody.exitCode).toBe(2);

    const typed = await people.run(sign, { isInTerminal: true, stdin: `${PASSPHRASE}\n` });
    // What is signed is shown before the passphrase is asked for.
    expect(typed.err.indexOf("root 1 of project")).toBeLessThan(typed.err.indexOf("Passphrase of the key"));
    expect(typed.exitCode).toBe(0);
  });

  it("come from the environment too", async () => {
    using people = new People("alice");
    const root = ` --dir @trust --keys @server.pub --root-keys ${people.file("alice.pub")} --org ${ORG} --project ${PROJECT}`;
    await people.json(`trust init${root}`);
    const none = await people.run("trust sign --dir @trust");
    expect(none.err).toContain("pass --key, or set SIGNET_TRUST_KEY or SIGNET_TRUST_KEY_FILE");
    expect(none.exitCode).toBe(2);
    const oneLine = people.read("alice.key").replaceAll("\n", "\\n");
    for (const variables of [
      { SIGNET_TRUST_KEY: people.read("alice.key") },
      { SIGNET_TRUST_KEY: oneLine },
      { SIGNET_TRUST_KEY_FILE: people.file("alice.key") },
    ]) {
      const { exitCode, err } = await people.run("trust sign --dir @trust", { environment: variables });
      expect({ exitCode, err: err.includes("BEGIN") }).toEqual({ exitCode: 0, err: false });
    }
  });

  it("are not made with a short passphrase", async () => {
    using people = new People();
    const options = { environment: { SIGNET_TRUST_PASSPHRASE: "short" } };
    const { exitCode, err, out } = await people.run("trust new-key @alice.key", options);
    expect(err).toContain("a passphrase has 12 to 1024 characters");
    expect({ exitCode, out }).toEqual({ exitCode: 6, out: "" });
    expect(existsSync(people.file("alice.key"))).toBe(false);
  });

  it("are asked for twice at a terminal", async () => {
    using people = new People();
    const typed = (text: string) => people.run("trust new-key @alice.key", { isInTerminal: true, stdin: text });
    const differ = await typed(`${PASSPHRASE}\n${PASSPHRASE}!\n`);
    expect(differ.err).toContain("the two passphrases differ");
    expect(differ.exitCode).toBe(6);
    expect(existsSync(people.file("alice.key"))).toBe(false);
    expect((await typed(`${PASSPHRASE}\n${PASSPHRASE}\n`)).exitCode).toBe(0);
  });

  it.each([
    ["damaged", (text: string) => text.replace(/\n[^\n]{10}/, "\nAAAAAAAAAA"), "the encrypted key is damaged"],
    ["no key", () => "hello", "has no private key that signet trust new-key makes"],
    [
      "a public key",
      (_: string, people: People) => readFileSync(people.file("server.pub"), "utf8"),
      "has no private key that signet trust new-key makes",
    ],
  ])("are refused when the file is %s", async (_, change, says) => {
    using people = new People("alice");
    await people.init();
    await people.json("trust renew --dir @trust");
    await people.json("trust new-key @bob.key", { environment });
    people.write("bob.key", change(people.read("bob.key"), people));
    const { exitCode, err } = await people.run("trust sign --dir @trust --key @bob.key", { environment });
    expect(err).toContain(says);
    expect(exitCode).toBe(6);
  });
});
