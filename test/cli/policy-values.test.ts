import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isCollection, parse, parseDocument, visit } from "yaml";
import { createTestProject } from "../scenarios/project.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { runSignet } from "./in-process.js";

/** The policies that stand beside the project, where they do, and always the examples. */
const FILES = ["../shared/policies", "examples/policies"]
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  .filter((file) => /\.(json|ya?ml)$/.test(file));

/** YAML 1.1 reads an exponent without a point or a sign as a text: such numbers are refused there. */
const FLOATS = {
  json: "[1.0, 1e2, -0.0, 0.0, 1e16, 0.00001, 5e-324, 0.1, 1.7976931348623157e308, 1, 0]",
  yaml: "[1.0, 1.0e+2, -0.0, 0.0, 1.0e+16, 0.00001, 5.0e-324, 0.1, 1.7976931348623157e+308, 1, 0]",
};

interface Spellings {
  readonly name: string;
  readonly json: string;
  readonly yaml: string;
}

/** One document in both languages. */
function spellingsOf(file: string): Spellings {
  const text = readFileSync(file, "utf8");
  const name = basename(file);
  if (!file.endsWith(".json")) return { name, json: JSON.stringify(parse(text)), yaml: text };
  const document = parseDocument(text);
  visit(document, (_, node) => {
    if (isCollection(node)) node.flow = false;
  });
  return { name, json: text, yaml: String(document) };
}

const DOCUMENTS: readonly Spellings[] = [
  ...FILES.map(spellingsOf),
  { name: "floats", json: `{"floats": ${FLOATS.json}}`, yaml: `floats: ${FLOATS.yaml}\n` },
];

/** Reads `latest` and says where its policies are not the file's: another value, another type, another sign of zero. */
const COMPARE = `
import json, sys, urllib.request
url, token, file = sys.argv[1:]
request = urllib.request.Request(url + "/v1/bundles/latest", headers={"X-API-Key": token})
served = json.load(urllib.request.urlopen(request))["policies"]
def compare(path, handed_in, came):
    if type(handed_in) is not type(came):
        yield f"{path}: {handed_in!r} became {came!r}"
    elif isinstance(handed_in, dict):
        if handed_in.keys() != came.keys():
            yield f"{path}: {sorted(handed_in)} became {sorted(came)}"
        else:
            for key in handed_in: yield from compare(f"{path}/{key}", handed_in[key], came[key])
    elif isinstance(handed_in, list):
        if len(handed_in) != len(came): yield f"{path}: of another length"
        for n, (left, right) in enumerate(zip(handed_in, came)): yield from compare(f"{path}/{n}", left, right)
    elif repr(handed_in) != repr(came):
        yield f"{path}: {handed_in!r} became {came!r}"
with open(file, encoding="utf-8") as text:
    print(json.dumps(list(compare("", json.load(text), served))))
`;

const folder = mkdtempSync(join(tmpdir(), "signet-values-"));
let server: TestServer;
let projects = 0;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe.each(DOCUMENTS)("the values of $name", ({ json, yaml }) => {
  it.each([
    ["json", json],
    ["yaml", yaml],
  ])("are in Python what they were in the file, published as %s", async (extension, text) => {
    const name = `values-${(projects += 1)}`;
    const project = await createTestProject(server, name);
    const handedIn = join(folder, `${name}.json`);
    const file = join(folder, `${name}-policy.${extension}`);
    writeFileSync(handedIn, json);
    writeFileSync(file, text);
    const argv = ["publish", "-f", file, "--project", project.projectId, "--env", "dev"];
    const environment = { SIGNET_URL: server.url, SIGNET_TOKEN: ADMIN_TOKEN };
    const { exitCode, err } = await runSignet(argv, { environment });
    expect(exitCode, err).toBe(0);
    const compared = promisify(execFile)("python3", ["-c", COMPARE, server.url, project.runtimeToken.dev, handedIn]);
    expect(JSON.parse((await compared).stdout)).toEqual([]);
  });
});
