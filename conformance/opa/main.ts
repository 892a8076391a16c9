import { gunzipSync, gzipSync } from "node:zlib";
import { formatUstarMember, ustarEnd } from "../../src/tar/ustar.js";
import { readArchive } from "../../test/support/opa-archive.js";
import { startTestServer, type TestServer } from "../../test/support/server.js";
import { createTestProject, type TestProject } from "../../test/scenarios/project.js";
import { startFront, type Front } from "./front.js";
import { startOpa, type Opa, type OpaSettings } from "./opa-process.js";

const OPA_POLICIES = "application/vnd.openpolicyagent.bundles";
/** Requests a second above which an OPA that gets no bundle is a burden. */
const MAX_RATE = 20;
const PATIENCE_MS = 30_000;

/** What a check has: a server, a project of its own, and the front between it and OPA. */
interface Rig {
  readonly server: TestServer;
  readonly project: TestProject;
  readonly front: Front;
  readonly publicKeyPem: string;
  readonly start: (settings?: Partial<OpaSettings>) => Promise<Opa>;
}

/** Returns what was seen; throws what is wrong. */
type Check = (rig: Rig) => Promise<string>;

const CHECKS: readonly (readonly [name: string, check: Check])[] = [
  ["ES256 is accepted, and the data can be decided by", acceptsSignature],
  ["another scope is refused", refusesScope],
  ["a bundle without signatures is refused with keyid", refusesUnsigned],
  ["a file more is refused", (rig) => refusesChange(rig, (files) => files.set("more/data.json", Buffer.from("{}")))],
  ["a file less is refused", (rig) => refusesChange(rig, (files) => files.delete("signet/data.json"))],
  ["a byte changed is refused", (rig) => refusesChange(rig, changeByte)],
  ["numbers, U+2028 and emoji keys in data.json", acceptsText],
  ["304 with the ETag, from a held poll", answersNotModified],
  ["404, 200, 503, 200", recovers],
  ["requests at a shutdown", slowsDown],
  ["the status is in the fleet view", reportsStatus],
  ["Rego: publish, decide, roll back, decide", decides],
  ["Rego that does not compile is rejected, and the policy before decides on", rejects],
  ["decision logs are taken", logsDecisions],
  ["persist: decides while the server is away, after a restart", persists],
];

const [program = "opa", only = ""] = process.argv.slice(2);
let failed = 0;
const rows: (readonly [string, string, string])[] = [];
const server = await startTestServer();
try {
  const { keys } = await server.admin.bundles.listKeys({ purpose: "opa" });
  const publicKeyPem = keys[0]?.publicKeyPem ?? "";
  for (const [index, [name, check]] of CHECKS.entries()) {
    if (!name.includes(only)) continue;
    const result = await run(name, check, index, publicKeyPem);
    rows.push([name, ...result]);
    process.stdout.write(`${result[0].padEnd(6)} ${name}: ${result[1]}\n`);
  }
} finally {
  await server[Symbol.asyncDispose]();
}
process.stdout.write("\n| with a real OPA | result | seen |\n| --- | --- | --- |\n");
for (const row of rows) process.stdout.write(`| ${row.join(" | ")} |\n`);
process.exit(failed === 0 ? 0 : 1);

async function run(name: string, check: Check, index: number, publicKeyPem: string) {
  await using front = await startFront(server.url);
  const project = await createTestProject(server, `opa-${index}`);
  const opas: Opa[] = [];
  const base = {
    ...{ url: `${front.url}/v1/opa`, token: project.runtimeToken.dev, publicKeyPem, id: `opa-${index}` },
    scope: `${project.projectId}/dev`,
  };
  const start = async (settings: Partial<OpaSettings> = {}) => {
    const opa = await startOpa(program, { ...base, ...settings });
    opas.push(opa);
    return opa;
  };
  try {
    return ["passed", await check({ server, project, front, publicKeyPem, start })] as const;
  } catch (thrown) {
    failed += 1;
    const output = opas.map((opa) => opa.output().slice(-2_000)).join("\n");
    process.stderr.write(`${name}: ${output}\n`);
    return ["FAILED", thrown instanceof Error ? thrown.message : String(thrown)] as const;
  } finally {
    for (const opa of opas) await opa[Symbol.asyncDispose]();
  }
}

async function acceptsSignature({ project, start }: Rig): Promise<string> {
  await project.publish("dev", 7);
  const opa = await start();
  return await until(async () => equal(await opa.decide("signet/policies/n"), '{"result":7}'));
}

async function refusesScope(rig: Rig): Promise<string> {
  await rig.project.publish("dev", 7);
  const opa = await rig.start({ scope: `${rig.project.projectId}/prod` });
  return await refused(rig, opa, "scope mismatch");
}

async function refusesUnsigned(rig: Rig): Promise<string> {
  await rig.project.publish("dev", 7);
  rig.front.change = changed((files) => files.delete(".signatures.json"));
  return await refused(rig, await rig.start(), "missing .signatures.json");
}

async function refusesChange(rig: Rig, change: (files: Map<string, Buffer>) => unknown): Promise<string> {
  await rig.project.publish("dev", 7);
  rig.front.change = changed(change);
  return await refused(rig, await rig.start(), "");
}

async function acceptsText({ server: { admin }, project, start }: Rig): Promise<string> {
  const policies =
    '{"big":9007199254740991,"ratio":1.0,"tiny":1e-07,"huge":1e+21,"😀":"a\u2028b\u2029c","\uffee":"é<>&\\u0000\\u007f"}';
  await admin.bundles.publishBundle({ ...project.place.dev, policies });
  const opa = await start();
  const raw = await until(async () => {
    const answer = await opa.decide("signet/policies");
    return answer === "{}" ? Promise.reject(new Error("nothing is there")) : answer;
  });
  for (const part of ['"big":9007199254740991', '"ratio":1.0', '"tiny":1e-07', '"huge":1e+21'])
    if (!raw.includes(part)) throw new Error(`${part} is not in ${raw}`);
  const { result } = JSON.parse(raw) as { result: Record<string, string> };
  equal(result["😀"], "a\u2028b\u2029c");
  equal(result["\uffee"], "é<>&\u0000\u007f");
  return "accepted, every number as it was written";
}

async function answersNotModified({ project, front, start }: Rig): Promise<string> {
  await project.publish("dev", 7);
  await start({ waitSeconds: 2 });
  return await until(async () => {
    const same = front.passed.find(({ status }) => status === 304);
    if (same === undefined) throw new Error("no 304 passed");
    equal(same.headers["if-none-match"], same.etag);
    return `If-None-Match ${same.etag?.slice(0, 20)}…, Prefer: ${String(same.headers.prefer)}`;
  });
}

async function recovers({ project, front, start }: Rig): Promise<string> {
  const opa = await start({ waitSeconds: 1 });
  await until(async () => some(front, 404));
  await project.publish("dev", 1);
  await until(async () => equal(await opa.decide("signet/policies/n"), '{"result":1}'));
  front.status = 503;
  await until(async () => some(front, 503));
  await project.publish("dev", 2);
  equal(await opa.decide("signet/policies/n"), '{"result":1}');
  front.status = null;
  await until(async () => equal(await opa.decide("signet/policies/n"), '{"result":2}'));
  return statusesOf(front).join(", ");
}

async function slowsDown(): Promise<string> {
  await using own = await startTestServer();
  await using front = await startFront(own.url);
  const project = await createTestProject(own, "stopping");
  const { keys } = await own.admin.bundles.listKeys({ purpose: "opa" });
  await project.publish("dev", 1);
  const scope = `${project.projectId}/dev`;
  const publicKeyPem = keys[0]?.publicKeyPem ?? "";
  const about = { url: `${front.url}/v1/opa`, token: project.runtimeToken.dev, publicKeyPem, scope, id: "opa" };
  await using opa = await startOpa(program, about);
  await until(async () => equal(await opa.decide("signet/policies/n"), '{"result":1}'));
  const before = front.passed.length;
  await own[Symbol.asyncDispose]();
  await pause(5_000);
  const asked = front.passed.slice(before);
  const rate = asked.length / 5;
  if (rate >= MAX_RATE) throw new Error(`${rate} requests a second`);
  equal(await opa.decide("signet/policies/n"), '{"result":1}');
  return `${rate} requests a second, answered ${statusesOf({ passed: asked }).join(", ")}; decides on`;
}

async function reportsStatus({ server: { admin }, project, start }: Rig): Promise<string> {
  const sequence = await project.publish("dev", 7);
  const opa = await start();
  await until(async () => equal(await opa.decide("signet/policies/n"), '{"result":7}'));
  return await until(async () => {
    const [it] = (await admin.runtimes.listRuntimes(project.place.dev)).data;
    if (it === undefined) throw new Error("no instance");
    equal([it.state, it.appliedSequence, it.labels["region"]].join(), ["applied", sequence, "eu"].join());
    return `${it.instanceId}, ${it.agent}, applied ${it.appliedSequence}`;
  });
}

async function decides({ server: { admin }, project, start }: Rig): Promise<string> {
  const publish = async (allowed: string) => {
    const module = `package shop\n\nallow if input.user in {${allowed}}\n`;
    const policies = JSON.stringify({ files: { "shop/policy.rego": module }, roots: ["shop"] });
    await admin.bundles.publishBundle({ ...project.place.dev, policies, mediaType: OPA_POLICIES });
  };
  await publish('"maria", "tom"');
  const opa = await start();
  const tom = async () => await opa.decide("shop/allow", { user: "tom" });
  await until(async () => equal(await tom(), '{"result":true}'));
  await publish('"maria"');
  const changedMs = await timed(async () => await until(async () => equal(await tom(), "{}")));
  await admin.bundles.activateBundle({ ...project.place.dev, version: 1 });
  const backMs = await timed(async () => await until(async () => equal(await tom(), '{"result":true}')));
  return `flipped ${changedMs} ms after the publication, and back ${backMs} ms after the rollback`;
}

async function rejects({ server: { admin }, project, front, start }: Rig): Promise<string> {
  const publish = async (module: string) => {
    const policies = JSON.stringify({ files: { "shop/policy.rego": `package shop\n\n${module}\n` }, roots: ["shop"] });
    await admin.bundles.publishBundle({ ...project.place.dev, policies, mediaType: OPA_POLICIES });
  };
  await publish("allow := 1");
  const opa = await start();
  await until(async () => equal(await opa.decide("shop/allow"), '{"result":1}'));
  const before = front.passed.length;
  await publish("allow := undefined_function(1)");
  const reason = await until(async () => {
    const [it] = (await admin.runtimes.listRuntimes(project.place.dev)).data;
    equal(it?.state, "rejected");
    return it?.reason ?? "";
  });
  await pause(5_000);
  const rate = (front.passed.length - before) / 5;
  if (rate >= MAX_RATE) throw new Error(`${rate} requests a second`);
  equal(await opa.decide("shop/allow"), '{"result":1}');
  return `${reason}; ${rate} requests a second`;
}

async function logsDecisions({ project, front, start }: Rig): Promise<string> {
  await project.publish("dev", 7);
  const opa = await start({ logsDecisions: true });
  await until(async () => equal(await opa.decide("signet/policies/n", { n: 1 }), '{"result":7}'));
  return await until(async () => {
    const log = front.passed.find(({ path }) => path.startsWith("/v1/opa/logs"));
    if (log === undefined) throw new Error("no upload");
    equal(log.status, 200);
    const decisions = JSON.parse(String(gunzipSync(log.body))) as { bundles?: { policy?: { revision?: string } } }[];
    const revision = decisions.map(({ bundles }) => bundles?.policy?.revision).find((it) => it !== undefined);
    return `${decisions.length} decisions, revision ${revision?.slice(0, 20)}…`;
  });
}

async function persists({ project, front, start }: Rig): Promise<string> {
  await project.publish("dev", 7);
  const first = await start();
  await until(async () => equal(await first.decide("signet/policies/n"), '{"result":7}'));
  const { directory } = first;
  await pause(500);
  front.target = null;
  const second = await start({ directory });
  await until(async () => equal(await second.decide("signet/policies/n"), '{"result":7}'));
  return "decides from its disk";
}

/** No data arrives, and the fleet view says why where the reason reaches it. */
async function refused({ server: { admin }, project }: Rig, opa: Opa, reason: string): Promise<string> {
  return await until(async () => {
    const [it] = (await admin.runtimes.listRuntimes(project.place.dev)).data;
    equal(it?.state, "rejected");
    equal(await opa.decide("signet/policies/n"), "{}");
    if (it?.reason?.includes(reason) !== true) throw new Error(`the reason is ${it?.reason}`);
    return it.reason;
  });
}

function changed(change: (files: Map<string, Buffer>) => unknown): (archive: Buffer) => Buffer {
  return (archive) => {
    const files = readArchive(archive);
    change(files);
    const members = [...files].map(([name, bytes]) => formatUstarMember(name, bytes));
    return gzipSync(Buffer.concat([...members, ustarEnd()]));
  };
}

function changeByte(files: Map<string, Buffer>): void {
  const text = String(files.get("signet/data.json"));
  files.set("signet/data.json", Buffer.from(text.replace('"n":7', '"n":8')));
}

function statusesOf({ passed }: Pick<Front, "passed">): readonly string[] {
  const statuses = passed.filter(({ path }) => path.includes("/bundle")).map(({ status }) => String(status));
  return statuses.filter((status, index) => status !== statuses[index - 1]);
}

function some(front: Front, status: number): void {
  if (!front.passed.some((it) => it.status === status && it.path.includes("/bundle"))) throw new Error(`no ${status}`);
}

function equal<T>(found: T, expected: T): string {
  if (found !== expected) throw new Error(`${String(found)} is not ${String(expected)}`);
  return String(found);
}

async function until<T>(check: () => Promise<T>): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await check();
    } catch (thrown) {
      if (performance.now() >= end) throw thrown;
      await pause(100);
    }
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return Math.round(performance.now() - start);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
