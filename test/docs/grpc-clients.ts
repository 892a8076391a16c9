/**
 * Runs the commands of docs/clients.md as they are pasted, also those that fetch libraries: `tsx test/docs/grpc-clients.ts [LANGUAGE …]`.
 * Each program asks, publishes and watches on one server. Exit code 1 when one fails; a language whose tools are not there is "not
 * checked". The server's compiled files have to be there.
 */
import { spawnSync } from "node:child_process";
import { strict as assert } from "node:assert";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseBlocks, type Block } from "./blocks.js";
import { readPage } from "./pages.js";
import { PageShell } from "./page-shell.js";

const PAGE = "docs/clients.md";

interface Language {
  /** The heading of its section. */
  readonly name: string;
  readonly tools: readonly string[];
  /** The title of the bundle that its program publishes; null for one that only generates. */
  readonly publishes: string | null;
}

const LANGUAGES: readonly Language[] = [
  { name: "Python", tools: ["python3"], publishes: "Python" },
  { name: "Go", tools: ["go", "protoc"], publishes: "Go" },
  { name: "Java", tools: ["javac", "mvn"], publishes: "Java" },
  { name: "C#", tools: ["protoc"], publishes: null },
];

/** Without a program that only other machines have. */
const LEFT_OUT = "needs the .NET SDK";

const page = readPage(PAGE);
const blocks = parseBlocks(page);

/** The blocks below a heading of the second level; those before the first language for null. */
function section(name: string | null): readonly Block[] {
  const heads = page
    .split("\n")
    .flatMap((line, index) => (line.startsWith("## ") ? [[line.slice(3), index + 1] as const] : []));
  const [from, to] =
    name === null
      ? [0, heads.find(([head]) => LANGUAGES.some((language) => language.name === head))?.[1]]
      : heads.slice(heads.findIndex(([head]) => head === name)).map(([, line]) => line);
  if (from === undefined) throw new Error(`${PAGE} has no section ${name}`);
  return blocks.filter(({ line }) => line > from && line < (to ?? Infinity));
}

async function paste(shell: PageShell, pasted: readonly Block[]): Promise<void> {
  for (const { line, text, file, output, noRun } of pasted) {
    if (output !== undefined || noRun === LEFT_OUT) continue;
    if (file !== undefined) {
      shell.save(file, text);
      continue;
    }
    const { exit, out, err } = await shell.run(text, false);
    if (out !== "") console.log(out.trimEnd());
    assert.equal(exit, 0, `${PAGE}:${line} failed: ${text}\n${err}`);
  }
}

const wanted = process.argv.slice(2).map((name) => name.toLowerCase());
const chosen = LANGUAGES.filter(({ name }) => wanted.length === 0 || wanted.includes(name.toLowerCase()));
if (chosen.length === 0)
  throw new Error(`no such language; there are: ${LANGUAGES.map(({ name }) => name).join(", ")}`);

const isThere = (tool: string) => spawnSync("sh", ["-c", `command -v ${tool}`]).status === 0;
const directory = await mkdtemp(join(tmpdir(), "signet-grpc-"));
try {
  const published: string[] = [];
  const start = async () => {
    const shell = await PageShell.open(directory, ["8080"], new AbortController().signal);
    await paste(shell, section(null));
    return shell;
  };
  await using shell = await start();
  for (const { name, tools, publishes } of chosen) {
    console.log(`\n== ${name}`);
    const missing = tools.filter((tool) => !isThere(tool));
    if (missing.length > 0) {
      console.log(`${name}: not checked, without ${missing.join(" and ")}`);
      continue;
    }
    await paste(shell, section(name));
    console.log(`${name}: ok`);
    if (publishes !== null) published.push(publishes);
  }
  const { out } = await shell.run("npx signet bundles --env prod --json", false);
  const titles = (JSON.parse(out) as { title: string }[]).map(({ title }) => title);
  assert.deepEqual(titles.toReversed(), published, "each published once");
} finally {
  await rm(directory, { recursive: true, force: true });
}
