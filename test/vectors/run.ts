/**
 * Drives a client through all cases: `npx tsx test/vectors/run.ts [--only TEXT] [--jobs N] CLIENT [ARGUMENT…]`. Exit code 0: it passed
 * all of them.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { driveCase, type ClientEnd } from "./drive.js";
import { readPacks } from "./packs.js";
import { createVectorServer } from "./vector-server.js";

const USAGE = "usage: run.ts [--only TEXT] [--jobs N] [--] CLIENT [ARGUMENT…]";
const TIMEOUT_MS = 60_000;

const ownEnd = process.argv.findIndex((arg, index) => index > 1 && !arg.startsWith("-") && !isValue(index));
const { values } = parseArgs({
  args: process.argv.slice(2, ownEnd < 0 ? undefined : ownEnd).filter((arg) => arg !== "--"),
  options: { only: { type: "string", default: "" }, jobs: { type: "string", default: "2" } },
});
const [command, ...fixed] = ownEnd < 0 ? [] : process.argv.slice(ownEnd);
if (command === undefined) {
  console.error(USAGE);
  process.exit(2);
}

const cases = [...readPacks().values()]
  .flat()
  .filter(({ name, id }) => name.includes(values.only) || id === values.only);
const server = createVectorServer(cases);
server.listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const waiting = [...cases];
let failed = 0;
await Promise.all(
  Array.from({ length: Math.max(1, Number(values.jobs)) }, async () => {
    for (let it = waiting.shift(); it !== undefined; it = waiting.shift()) {
      const flaws = await driveCase(it, url, run);
      if (flaws.length === 0) continue;
      failed++;
      console.log([`FAILED ${it.name} (${it.id}, must ${it.must})`, ...flaws].join("\n  "));
    }
  }),
);
server.close();
console.log(`${cases.length - failed} of ${cases.length} cases passed`);
process.exitCode = failed === 0 && cases.length > 0 ? 0 : 1;

/** Whether an argument is the value of an option before it. */
function isValue(index: number): boolean {
  return ["--only", "--jobs"].includes(process.argv[index - 1] ?? "");
}

async function run(args: readonly string[], now: string): Promise<ClientEnd> {
  const child = spawn(command ?? "", [...fixed, ...args], {
    env: { ...process.env, SIGNET_NOW: now },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: TIMEOUT_MS,
  });
  const out = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => (out[name] += text));
  }
  const [exitCode] = (await once(child, "close")) as [number | null];
  return { exitCode, ...out };
}
