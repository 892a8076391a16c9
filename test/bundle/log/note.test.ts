import { hexToBytes } from "@noble/hashes/utils.js";
import { describe, expect, it } from "vitest";
import { decodeBase64, encodeBase64 } from "../../../src/bundle/base64.js";
import { createNobleSigner, nobleVerifier } from "../../../src/bundle/ed25519-noble.js";
import { formatPrivateKey, parsePublicKey } from "../../../src/bundle/keys.js";
import { formatCheckpoint, openCheckpoint, parseCheckpoint } from "../../../src/bundle/log/checkpoint.js";
import {
  formatNote,
  formatNoteKey,
  noteKeyId,
  parseNote,
  parseNoteKey,
  signNote,
  verifyNote,
  type NoteKey,
} from "../../../src/bundle/log/note.js";

// The vectors of golang.org/x/mod/sumdb/note.
const PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETERS_SEED = decodeBase64("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")?.slice(1) ?? new Uint8Array();
const TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const PETERS_NOTE =
  `${TEXT}\n— PeterNeumann ` +
  "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

// The example of C2SP tlog-cosignature: its log's checkpoint and a witness's line.
const SOFA =
  "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n" +
  "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n" +
  "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

const peter = parseNoteKey(PETER);

describe("signed notes", () => {
  it("verifies the note of the reference implementation, and signs it byte for byte", async () => {
    const note = parseNote(PETERS_NOTE);
    expect(note.text).toBe(TEXT);
    expect(await verifyNote(note, [peter], nobleVerifier)).toEqual([{ key: peter, signedAt: null }]);
    const signer = createNobleSigner(formatPrivateKey(PETERS_SEED));
    expect(parsePublicKey(signer.publicKeyPem).bytes).toEqual(peter.publicKey);
    const signature = await signNote(TEXT, "PeterNeumann", signer, peter.publicKey);
    expect(formatNote({ text: TEXT, signatures: [signature] })).toBe(PETERS_NOTE);
    expect(formatNote(note)).toBe(PETERS_NOTE);
  });

  it("reads and writes verifier keys, and none that is damaged", () => {
    expect(formatNoteKey(peter)).toBe(PETER);
    expect(noteKeyId(peter)).toBe("c74f20a3");
    // The vectors of the reference implementation: a key of a wrong length, and an unknown algorithm, with the id that fits.
    const damaged = [
      "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
      "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      ...Array.from(PETER, (char, at) => `${PETER.slice(0, at)}${char === "A" ? "B" : "A"}${PETER.slice(at + 1)}`),
      ...Array.from(PETER, (_, at) => PETER.slice(0, at)),
      ...Array.from(PETER, (_, at) => PETER.slice(at + 1)),
    ];
    for (const text of damaged) expect(() => parseNoteKey(text), text).toThrow("verifier key");
  });

  it.each([
    ["a changed text", PETERS_NOTE.replace("answer", "Answer"), "does not verify"],
    ["a changed signature", PETERS_NOTE.replace("x08go/ZJ", "x08go/ZK"), "does not verify"],
    ["another name", PETERS_NOTE.replace("PeterNeumann", "PeterNewman"), "no trusted key"],
    ["another key id", PETERS_NOTE.replace("x08go", "y08go"), "no trusted key"],
  ])("refuses %s", async (_what, note, message) => {
    await expect(verifyNote(parseNote(note), [peter], nobleVerifier)).rejects.toThrow(message);
  });

  // As errMalformedNote of the reference implementation's tests.
  it.each([
    ["no signature", TEXT],
    ["no empty line", PETERS_NOTE.replace("\n\n", "\n")],
    ["no last line feed", PETERS_NOTE.slice(0, -1)],
    ["an empty last line", `${PETERS_NOTE}\n`],
    ["a control character", PETERS_NOTE.replace(" you", "\u0001you")],
    ["a carriage return", PETERS_NOTE.replace(",\n", ",\r\n")],
    ["half a character", PETERS_NOTE.replace("you", "\ud800")],
    ["a hyphen for the dash", PETERS_NOTE.replace("—", "-")],
    ["no space before the signature", PETERS_NOTE.replace("PeterNeumann ", "PeterNeumann")],
    ["broken base64", PETERS_NOTE.replace("AM=", "AN=")],
    ["no signature bytes", PETERS_NOTE.replace(/PeterNeumann .*/, "PeterNeumann x08gow==")],
    ["a third word", PETERS_NOTE.replace("AM=", "AM= more")],
    ["33 signatures", PETERS_NOTE + (PETERS_NOTE.split("\n").at(-2) ?? "").concat("\n").repeat(32)],
    ["too much", `${"x".repeat(70_000)}${PETERS_NOTE}`],
  ])("is malformed with %s", (_what, note) => {
    expect(() => parseNote(note)).toThrow("not a signed note");
  });

  it("counts a key once, and ignores keys that it does not know", async () => {
    const line = PETERS_NOTE.slice(TEXT.length + 1);
    const note = parseNote(PETERS_NOTE + line.replace("PeterNeumann", "Alice") + line);
    expect(await verifyNote(note, [peter], nobleVerifier)).toHaveLength(1);
  });
});

describe("checkpoints", () => {
  it("reads the example of the specification, its witness too", () => {
    const note = parseNote(SOFA);
    const checkpoint = parseCheckpoint(note.text);
    expect(checkpoint).toMatchObject({ origin: "example.com/behind-the-sofa", size: 20_852_163 });
    expect(formatCheckpoint(checkpoint)).toBe(note.text);
    expect(note.signatures.map(({ keyId }) => keyId)).toEqual(["033de0ae", "8d66cf3f"]);
    expect(formatNote(note)).toBe(SOFA);
  });

  it.each([
    ["two lines", "a\n1\n"],
    ["no origin", "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"],
    ["a leading zero", "a\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"],
    ["a sign", "a\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"],
    ["a size that is no exact number", "a\n9007199254740993\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"],
    ["a short root", "a\n1\nCsUY\n"],
    ["an empty extension", "a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\nmore\n"],
  ])("is malformed with %s", (_what, text) => {
    expect(() => parseCheckpoint(text)).toThrow("not a checkpoint");
  });

  it("needs the log's own signature, and tells when a witness cosigned", async () => {
    const log = createNobleSigner(formatPrivateKey(PETERS_SEED));
    const text = formatCheckpoint({ origin: "example.com/log", size: 0, root: hexToBytes("e3".repeat(32)) });
    const seed = new Uint8Array(32).fill(7);
    const signer = createNobleSigner(formatPrivateKey(seed));
    const witness: NoteKey = {
      ...{ name: "witness.example/w1", type: "cosignature" },
      publicKey: parsePublicKey(signer.publicKeyPem).bytes,
    };
    const message = new TextEncoder().encode(`cosignature/v1\ntime 1679315147\n${text}`);
    const time = Uint8Array.from([0, 0, 0, 0, 0x64, 0x18, 0x50, 0xcb]);
    const bytes = Uint8Array.from([...time, ...(await signer.sign(message))]);
    const cosignature = { name: witness.name, keyId: noteKeyId(witness), bytes };
    const own = await signNote(text, "example.com/log", log, peter.publicKey);
    const both = formatNote({ text, signatures: [own, cosignature] });
    const keys = [peter.publicKey];

    const opened = await openCheckpoint(both, keys, nobleVerifier, [witness]);
    expect(opened.signers.map(({ key, signedAt }) => [key.name, signedAt])).toEqual([
      ["example.com/log", null],
      ["witness.example/w1", 1_679_315_147],
    ]);
    const alone = formatNote({ text, signatures: [cosignature] });
    await expect(openCheckpoint(alone, keys, nobleVerifier, [witness])).rejects.toThrow("the log did not sign it");
    const later = formatNote({ text, signatures: [own, { ...cosignature, bytes: bytes.with(7, 0xcc) }] });
    await expect(openCheckpoint(later, keys, nobleVerifier, [witness])).rejects.toThrow("does not verify");
    const another = both.replace("example.com/log\n0", "example.com/log\n1");
    await expect(openCheckpoint(another, keys, nobleVerifier)).rejects.toThrow("does not verify");
    expect(encodeBase64(opened.root)).toBe(text.split("\n")[2]);
  });
});
