/**
 * Holds a whole Signet to h2spec, over h2c and over TLS: `node dist/conformance/h2spec.js PROGRAM`. Exit code 1 when a case fails that is
 * not in h2spec-known.txt, or one passes that is.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../src/config/config.js";
import { startServer } from "../src/server/server.js";
import { selfSigned } from "../test/outbound/self-signed.js";
import { readCases, type SpecCase } from "./junit.js";

const ways = ["h2c", "tls"] as const;
type Way = (typeof ways)[number];

/** A path that is answered without a token. */
const PATH = "/healthz";

/** Case and way, such as `http2/3.5/2 h2c`, and whether it always fails or may pass too. */
type Known = ReadonlyMap<string, "fails" | "varies">;

async function readKnown(file: string): Promise<Known> {
  const lines = (await readFile(file, "utf8")).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.flatMap((line) => {
      const [, id, on = "", verdict] = /^(\S+) +(h2c|tls|both) +(fails|varies)$/.exec(line) ?? [];
      if (verdict !== "fails" && verdict !== "varies") throw new Error(`${file}: what does "${line}" say?`);
      return (on === "both" ? ways : [on]).map((way) => [`${id} ${way}`, verdict] as const);
    }),
  );
}

const known = await readKnown("conformance/h2spec-known.txt");
const MAX_TRIES = 5;

/**
 * What h2spec reports of a server of its own. What fails is asked again: most cases are about a stream that is still open, and a server
 * that has answered already has closed it. Flaws fail each time.
 */
async function casesOver(way: Way, program: string): Promise<readonly SpecCase[]> {
  const directory = await mkdtemp(join(tmpdir(), "signet-h2spec-"));
  try {
    const tls = way === "tls" ? await certificateIn(directory) : {};
    const data = join(directory, "data");
    await using server = await startServer(
      loadConfig({ SIGNET_PORT: "0", SIGNET_DATA: data, SIGNET_LOG_LEVEL: "silent", ...tls }),
    );
    const report = join(directory, "report.xml");
    const common = ["--strict", "--path", PATH, "--port", new URL(server.url).port, "--junit-report", report];
    const options = way === "tls" ? [...common, "--tls", "--insecure"] : common;
    const ask = async (...ids: readonly string[]) => {
      await run(program, [...options, ...ids]);
      return readCases(await readFile(report, "latin1"));
    };
    const cases: SpecCase[] = [];
    for (const found of await ask()) {
      let { outcome } = found;
      for (let tries = 1; outcome === "failed" && tries < MAX_TRIES && !known.has(`${found.id} ${way}`); tries += 1) {
        const again = await ask(found.id);
        if (again.length === 1 && again[0]?.outcome === "passed") outcome = "passed";
      }
      cases.push({ ...found, outcome });
    }
    return cases;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function certificateIn(directory: string): Promise<Record<string, string>> {
  const { cert, key } = selfSigned("127.0.0.1");
  const files = { SIGNET_TLS_CERT: join(directory, "tls.crt"), SIGNET_TLS_KEY: join(directory, "tls.key") };
  await writeFile(files.SIGNET_TLS_CERT, cert);
  await writeFile(files.SIGNET_TLS_KEY, key);
  return files;
}

/** Its exit code is 1 whenever a case fails, also one that is known: the report tells more. */
async function run(program: string, options: readonly string[]): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    execFile(program, options, (error) => {
      if (error === null || error.code === 1) resolve();
      else reject(new Error(`${program} cannot be run`, { cause: error }));
    });
  });
}

const [program = ""] = process.argv.slice(2);
const met = new Set<string>();
const table: Record<string, Record<string, number>> = {};
let surprises = 0;
for (const way of ways) {
  const cases = await casesOver(way, program);
  const count = (outcome: SpecCase["outcome"]) => cases.filter((each) => each.outcome === outcome).length;
  table[way] = { cases: cases.length, passed: count("passed"), skipped: count("skipped"), failed: count("failed") };
  if (cases.length === 0) surprises += 1;
  for (const { id, title, outcome, lines } of cases) {
    const verdict = known.get(`${id} ${way}`);
    met.add(`${id} ${way}`);
    if (verdict === "varies" || (verdict === "fails") === (outcome === "failed")) continue;
    surprises += 1;
    console.log(`${outcome}, though the list says ${verdict ?? "nothing"}: ${id} over ${way}, ${title}`);
    for (const line of lines) console.log(`\t${line}`);
  }
}
for (const name of known.keys()) {
  if (met.has(name)) continue;
  surprises += 1;
  console.log(`in the list, but h2spec has no such case: ${name}`);
}
console.table(table);
process.exitCode = surprises === 0 ? 0 : 1;
