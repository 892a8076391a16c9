/**
 * Reads what the suite says (`connectconformance -v`) from standard input: prints what matters of it and the cases by protocol, HTTP
 * version and TLS. Exit code 1 when a case that is known to fail fails for another reason than the known one.
 */
import { createInterface } from "node:readline";

const RUNNING =
  /^Running (\d+) tests with \S+ for server config #\d+ \{HTTP_VERSION_(\d), PROTOCOL_(\w+), TLS:(.+)\}\.\.\.$/;
const KNOWN = /^INFO: (.+) failed \(as expected\):$/;
const NAMED = /\/HTTPVersion:(\d)\/Protocol:PROTOCOL_(\w+)\/.*TLS:(\w+)/;

/** conformance/known-failing.txt says why: of all that the suite compares, the error's details alone may differ. */
const KNOWN_REASONS = [
  /^(?:; )?actual error contain 1 details; expecting 0$/,
  /^connect error JSON: details\[0\]: could not check debug data because message type "signet\.v1\.ErrorDetail" could not be resolved: proto:.not found$/,
];

interface Row {
  cases: number;
  knownFailing: number;
}

const rows = new Map<string, Row>();

function rowOf(protocol: string, http: string, tls: string): Row {
  const how = { false: "no TLS", true: "TLS", "true (with client certs)": "client certificates" }[tls] ?? tls;
  const name = `${protocol}, HTTP/${http === "1" ? "1.1" : http}, ${how}`;
  const row = rows.get(name) ?? { cases: 0, knownFailing: 0 };
  rows.set(name, row);
  return row;
}

let inKnown = false;
let known = 0;
let otherReasons = 0;

for await (const line of createInterface({ input: process.stdin })) {
  const running = RUNNING.exec(line);
  if (running !== null) {
    const [, count, http = "", protocol = "", tls = ""] = running;
    rowOf(protocol, http, tls).cases += Number(count);
    continue;
  }
  const failed = KNOWN.exec(line);
  if (failed !== null) {
    inKnown = true;
    known += 1;
    const [, http = "", protocol = "", tls = ""] = NAMED.exec(line) ?? [];
    rowOf(protocol, http, tls).knownFailing += 1;
    continue;
  }
  if (!line.startsWith("\t")) inKnown = false;
  if (!inKnown) {
    if (line !== "") console.log(line);
    continue;
  }
  if (KNOWN_REASONS.some((reason) => reason.test(line.trim()))) continue;
  console.log(`a case that is known to fail fails for another reason: ${line.trim()}`);
  otherReasons += 1;
}

console.table(Object.fromEntries(rows));
const cases = [...rows.values()].reduce((sum, row) => sum + row.cases, 0);
console.log(`${cases} cases, ${known} known to fail`);
if (cases === 0) console.log("the suite told of no case: has its output changed?");
process.exitCode = cases === 0 || otherReasons > 0 ? 1 : 0;
