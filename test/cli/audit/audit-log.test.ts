import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import Database from "better-sqlite3";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createNobleSigner, nobleVerifier } from "../../../src/bundle/ed25519-noble.js";
import { formatPrivateKey, parsePublicKey } from "../../../src/bundle/keys.js";
import { formatNote, formatNoteKey, noteKeyId, parseNote, type NoteKey } from "../../../src/bundle/log/note.js";
import { parseTlogProof, verifyTlogProof } from "../../../src/bundle/log/tlog-proof.js";
import { leafData } from "../../../src/bundle/log/leaf.js";
import { startServer } from "../../../src/server/server.js";
import { ADMIN_TOKEN, startTestServer, testConfig, type TestServer } from "../../support/server.js";
import { runSignet } from "../in-process.js";

let test: TestServer;
let server: TestServer["server"];
beforeEach(async () => {
  test = await startTestServer();
  ({ server } = test);
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await test[Symbol.asyncDispose]();
});

const file = (name: string) => join(test.directory, name);
const run = async (...args: string[]) => {
  const environment = { SIGNET_URL: server.url, SIGNET_TOKEN: ADMIN_TOKEN };
  const { exitCode, out, err } = await runSignet(args, { environment });
  return { exitCode, out, err };
};
const audit = (...args: string[]) => run("audit", ...args);
const change = () => run("token", "create", "--admin");

async function auditKey(): Promise<string> {
  const keys = JSON.parse((await run("keys", "--json")).out) as { purpose: string; public_key_pem: string }[];
  const pem = keys.find(({ purpose }) => purpose === "audit")?.public_key_pem ?? "";
  await writeFile(file("audit.pub"), pem);
  return pem;
}

/** Changes the database of the stopped server, past everything that keeps others from it. */
async function tamper(...statements: string[]): Promise<void> {
  await server[Symbol.asyncDispose]();
  const database = new Database(file("signet.db"));
  const triggers = database.prepare("select name from sqlite_master where type = 'trigger'").pluck().all();
  for (const name of triggers as string[]) database.exec(`drop trigger "${name}"`);
  for (const statement of statements) database.exec(statement);
  database.close();
  server = await startServer(testConfig({ SIGNET_DATA: test.directory }), pino({ level: "silent" }));
}

describe("signet audit prove", () => {
  it("keeps the newest checkpoint, and shows that the log only grew", async () => {
    await auditKey();
    const prove = () => audit("prove", "--state", file("state"), "--keys", file("audit.pub"));
    const first = await prove();
    expect(first).toMatchObject({ exitCode: 0, err: "" });
    expect(first.out).toMatch(/^the log signet\.dev\/audit\/\S+ has (\d+) events, root \S+=\n$/);
    const kept = await readFile(file("state"), "utf8");
    await change();
    await change();
    const second = await prove();
    expect(second.out).toMatch(/it begins with the \d+ events of the kept checkpoint\n$/);
    expect(await readFile(file("state"), "utf8")).not.toBe(kept);
    expect(await readFile(file("state"), "utf8")).toBe((await audit("checkpoint")).out);
    const asJson = JSON.parse((await audit("prove", "--state", file("state"), "--json")).out) as object;
    expect(asJson).toMatchObject({ kept_size: Number(/has (\d+)/.exec(second.out)?.[1]), event_id: null });
  });

  it("proves an event, and writes the proof for verifiers of tlog-proof", async () => {
    const pem = await auditKey();
    await change();
    const { exitCode, out } = await audit("prove", "--event", "2", "--keys", file("audit.pub"), "--out", file("proof"));
    expect([exitCode, out]).toEqual([0, expect.stringMatching(/event 2, token\.created, is in it\n$/)]);
    const proof = parseTlogProof(await readFile(file("proof"), "utf8"));
    const hash = `sha256:${Buffer.from(proof.extra ?? []).toString("hex")}`;
    const keys = [parsePublicKey(pem).bytes];
    expect(await verifyTlogProof(proof, leafData(hash, null), keys, nobleVerifier)).toMatchObject({ size: 2 });
    expect((await audit("prove", "--event", "99")).exitCode).toBe(4);
  });

  it("proves the activation of a publish by its digest", async () => {
    await writeFile(file("policy.json"), JSON.stringify({ policies: { a: 1 } }));
    await run("publish", "--env", "dev", "-f", file("policy.json"));
    const { out } = await audit("list", "--action", "bundle.published", "--json");
    const [event] = JSON.parse(out) as { id: number; metadata: { activation_sha256: string } }[];
    const digest = event?.metadata.activation_sha256 ?? "";
    const proven = await audit("prove", "--activation", digest);
    expect(proven.out).toContain(`event ${event?.id}, bundle.published, is in it\nand made the activation ${digest}\n`);
    expect((await audit("prove", "--activation", "00".repeat(32))).exitCode).toBe(4);
    expect((await audit("prove", "--activation", "xyz")).exitCode).toBe(6);
  });

  it("fails when what it kept was cut off or changed, and leaves the kept checkpoint", async () => {
    await auditKey();
    await change();
    await change();
    const prove = () => audit("prove", "--state", file("state"), "--keys", file("audit.pub"));
    await prove();
    const kept = await readFile(file("state"), "utf8");
    await tamper("delete from audit_events where id > 2");
    expect(await prove()).toMatchObject({
      exitCode: 8,
      err: expect.stringContaining("of 3 events: the log has 2") as string,
    });
    await change();
    await change();
    const changed = await prove();
    expect(changed).toMatchObject({ exitCode: 8, err: expect.stringContaining("history was changed") as string });
    expect(await readFile(file("state"), "utf8")).toBe(kept);
    const verified = await audit("verify", "--expect-checkpoint", file("state"));
    expect(verified).toMatchObject({ exitCode: 8, err: expect.stringContaining("does not begin with") as string });
  });

  it("takes no checkpoint of another key, and no file that is none", async () => {
    await auditKey();
    const other = createNobleSigner(formatPrivateKey(new Uint8Array(32).fill(3))).publicKeyPem;
    await writeFile(file("other.pub"), other);
    expect(await audit("prove", "--keys", file("other.pub"))).toMatchObject({
      ...{ exitCode: 8, err: expect.stringContaining("no trusted key signed it") as string },
    });
    await writeFile(file("state"), "no checkpoint");
    expect((await audit("prove", "--state", file("state"))).exitCode).toBe(6);
    expect((await audit("prove", "--out", file("proof"))).exitCode).toBe(2);
    expect((await audit("prove", "--event", "1", "--activation", "00")).exitCode).toBe(2);
    expect((await audit("prove", "--witness", "x")).exitCode).toBe(2);
  });

  it("proves by a checkpoint that a witness cosigned, and only by one that it did", async () => {
    await auditKey();
    const { out: note } = await audit("checkpoint");
    const signer = createNobleSigner(formatPrivateKey(new Uint8Array(32).fill(7)));
    const witness: NoteKey = {
      ...{ name: "witness.example/w1", type: "cosignature" },
      publicKey: parsePublicKey(signer.publicKeyPem).bytes,
    };
    const { text, signatures } = parseNote(note);
    const time = Buffer.alloc(8);
    time.writeBigUInt64BE(1_700_000_000n);
    const signature = await signer.sign(new TextEncoder().encode(`cosignature/v1\ntime 1700000000\n${text}`));
    const cosigned = { name: witness.name, keyId: noteKeyId(witness), bytes: Buffer.concat([time, signature]) };
    await writeFile(file("cosigned"), formatNote({ text, signatures: [...signatures, cosigned] }));
    await writeFile(file("bare"), note);
    await change();
    const prove = (name: string) =>
      audit("prove", "--event", "1", "--checkpoint", file(name), "--witness", formatNoteKey(witness));
    expect(await prove("cosigned")).toMatchObject({
      ...{
        exitCode: 0,
        out: expect.stringContaining("cosigned by witness.example/w1 at 2023-11-14T22:13:20.000Z") as string,
      },
    });
    expect(await prove("bare")).toMatchObject({
      exitCode: 8,
      err: expect.stringContaining("did not cosign it") as string,
    });
    expect((await audit("prove", "--event", "2", "--checkpoint", file("cosigned"))).exitCode).toBe(4);
  });
});

describe("signet audit verify --expect-checkpoint", () => {
  it("compares every event with the kept checkpoint, when it has the keys", async () => {
    await auditKey();
    await change();
    await writeFile(file("kept"), (await audit("checkpoint")).out);
    await change();
    const verify = (...args: string[]) => audit("verify", "--expect-checkpoint", file("kept"), ...args);
    expect((await verify()).exitCode).toBe(0);
    expect((await verify("--keys", file("audit.pub"))).exitCode).toBe(0);
    expect((await verify("--limit", "1")).exitCode).toBe(0);
    await tamper("delete from audit_events where id > 1");
    expect(await verify()).toMatchObject({
      exitCode: 8,
      err: expect.stringContaining("the log has 1 events") as string,
    });
  });
});

describe("signet audit checkpoint", () => {
  it("answers a runtime too, of its own organization", async () => {
    const { out } = await run("token", "create", "--runtime", "--env", "dev");
    const environment = { SIGNET_URL: server.url, SIGNET_TOKEN: out.trim() };
    const own = await runSignet(["audit", "checkpoint"], { environment });
    expect(own).toMatchObject({ exitCode: 0, out: (await audit("checkpoint")).out });
    expect((await runSignet(["audit", "checkpoint", "--org", test.orgId], { environment })).exitCode).toBe(3);
    expect((await audit("checkpoint", "--org", test.orgId)).out).toBe(own.out);
    const json = JSON.parse((await audit("checkpoint", "--json")).out) as { note: string; verifier_key: string };
    expect(json.note).toBe(own.out);
    expect(json.verifier_key).toMatch(/^signet\.dev\/audit\/[0-9a-f-]{36}\+[0-9a-f]{8}\+/);
  });
});
