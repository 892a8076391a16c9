/**
 * Gives the same mutated bytes to the SDKs of all languages, and compares what they make of them: code, state and sequence.
 * `main.ts [--cases N] [--seed N] [--stop-after N] GO-CLIENT PYTHON`. Exit code 0: they agreed on all cases.
 */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { good, served } from "../../test/vectors/make/draft.js";
import { after, ORG, PROJECT, signRoot, siteRoot, START } from "../../test/vectors/make/objects.js";
import { differentialCase, type DifferentialCase } from "./cases.js";
import { goClient, pythonClient, typescript } from "./clients.js";
import { randomOf } from "./mutate.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cases: { type: "string", default: "2000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    "stop-after": { type: "string", default: "20" },
  },
});
const [goBinary = "", python = "python3"] = positionals;
const clients = [typescript, goClient(goBinary), pythonClient(python)];
const folder = mkdtempSync(join(tmpdir(), "signet-differential-"));
const first = served(await good());
let serving: Omit<DifferentialCase, "target" | "bytes"> = {
  ...{ roots: {}, attestation: Buffer.from(first.attestation), content: Buffer.from(first.content, "base64") },
};
const server = createServer((request, response) => {
  const path = (request.url ?? "").split("?")[0] ?? "";
  const [, version = ""] = /^\/v1\/trust\/roots\/(\d+)$/.exec(path) ?? [];
  const body = path.endsWith("/attestation")
    ? serving.attestation
    : path.endsWith("/content")
      ? serving.content
      : serving.roots[version];
  const failure = { detail: "", error: "not_found", message: "not found", code: 404, status: 404, requestId: "r" };
  response.writeHead(body === undefined ? 404 : 200, { "content-type": "application/json" });
  response.end(body ?? JSON.stringify(failure));
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

async function initialize(root: string | Uint8Array, stateOf: (client: string) => string): Promise<readonly string[]> {
  const file = join(folder, "root.json");
  writeFileSync(file, root);
  const args = (client: string) => ["--state", stateOf(client), "init", file, ORG, PROJECT, "prod"];
  return await Promise.all(clients.map((client) => client.run(args(client.name), START)));
}

async function update(now: string, stateOf: (client: string) => string): Promise<readonly string[]> {
  const args = (client: string) => ["--state", stateOf(client), "--url", url, "update"];
  return await Promise.all(clients.map((client) => client.run(args(client.name), now)));
}

const baseOf = (client: string) => join(folder, "base", client);
const stateOf = (client: string) => join(folder, "state", client);
await initialize(await signRoot(siteRoot()), baseOf);
const starts = await update(START, baseOf);
if (starts.some((end) => end !== '{"state":"fresh","sequence":7,"error":null}')) throw new Error(starts.join("\n"));

const random = randomOf(Number(values.seed));
const ends = new Map<string, number>();
let differing = 0;
let done = 0;
for (; done < Number(values.cases) && differing < Number(values["stop-after"]); done++) {
  // A payload that is too long for an envelope cannot be signed.
  const it = await differentialCase(random).catch(() => null);
  if (it === null) continue;
  serving = it;
  rmSync(join(folder, "state"), { recursive: true, force: true });
  let answers: readonly string[];
  if (it.pinned === undefined) {
    cpSync(join(folder, "base"), join(folder, "state"), { recursive: true });
    answers = await update(after(60), stateOf);
  } else answers = await initialize(it.pinned, stateOf);
  const [one = "", ...others] = answers;
  ends.set(one, (ends.get(one) ?? 0) + 1);
  if (others.every((other) => other === one) && !one.startsWith("crashed")) continue;
  differing += 1;
  console.log(`DIFFERENT case ${done}: ${it.target}`);
  for (const [index, { name }] of clients.entries()) console.log(`  ${name}: ${answers[index]}`);
  console.log(`  ${shown(it.bytes)}`);
}
server.close();
rmSync(folder, { recursive: true, force: true });
for (const [end, count] of [...ends].toSorted(([, a], [, b]) => b - a))
  console.log(`${String(count).padStart(6)} ${end}`);
console.log(`seed ${values.seed}: ${done - differing} of ${done} cases alike`);
process.exit(differing === 0 ? 0 : 1);

/** Latin-1 for what is no ASCII, so that each byte is seen. */
function shown(bytes: Uint8Array): string {
  const text = JSON.stringify(Buffer.from(bytes).toString("latin1"));
  return text.length > 1_600 ? `${text.slice(0, 1_500)}…${text.slice(-90)} (${bytes.length} bytes)` : text;
}
