import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Expectation, VectorCase, VectorStep } from "./case.js";
import { damageContent } from "./damage.js";

/** A client: what `CLIENT ARGUMENTS…` does with SIGNET_NOW in its environment. */
export type RunClient = (args: readonly string[], now: string) => Promise<ClientEnd>;

/** How a client ended. */
export interface ClientEnd {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Drives a client through a case against a server at `url`. Returns what was not as it should be. */
export async function driveCase(it: VectorCase, url: string, run: RunClient): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), "signet-vectors-"));
  try {
    const [state, rootFile] = [join(folder, "state"), join(folder, "root.json")];
    writeFileSync(rootFile, it.root);
    const { org_id, project_id, environment } = it.identity;
    const start = it.steps[0]?.now ?? "2026-03-01T12:00:00Z";
    const init = await run(["--state", state, "init", rootFile, org_id, project_id, environment], start);
    const initFlaws = flawsOf("init", init, { state: "empty", sequence: 0, error: it.init });
    if (initFlaws.length > 0) return initFlaws;
    return await driveSteps(it, state, url, run);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function driveSteps(it: VectorCase, state: string, url: string, run: RunClient): Promise<readonly string[]> {
  let content: Uint8Array | null = null;
  for (const [index, step] of it.steps.entries()) {
    const name = `step ${index}`;
    if (step.damage !== undefined && damageContent(state, content ?? new Uint8Array()) === 0) {
      return [`${name}: the state has no file with the content's bytes, plain or in base64`];
    }
    const end = await run(["--state", state, "--url", `${url}/cases/${it.id}/${index}`, "update"], step.now);
    const flaws = flawsOf(name, end, step.expect);
    if (flaws.length > 0) return flaws;
    content = contentAfter(step, content);
  }
  return [];
}

/** What the client holds after a step. */
function contentAfter({ serve, expect }: VectorStep, before: Uint8Array | null): Uint8Array | null {
  const isTaken = serve !== null && serve.content !== "" && expect.error === null;
  return isTaken ? new Uint8Array(Buffer.from(serve.content, "base64")) : before;
}

function flawsOf(step: string, { exitCode, stdout, stderr }: ClientEnd, expected: Expectation): readonly string[] {
  const line = stdout.trimEnd().split("\n").at(-1) ?? "";
  const actual = parsed(line);
  if (actual === null) {
    return [`${step}: the last line of the output is not JSON: ${JSON.stringify(line)}`, ...shown(stderr)];
  }
  const flaws = (["state", "sequence", "error"] as const).flatMap((field) =>
    actual[field] === expected[field]
      ? []
      : [`${step}: ${field} is ${JSON.stringify(actual[field])}, not ${JSON.stringify(expected[field])}`],
  );
  const isGood = exitCode === 0;
  if (isGood !== (expected.error === null)) flaws.push(`${step}: exit code ${exitCode} with error ${expected.error}`);
  return flaws.length > 0 ? [...flaws, ...shown(stderr)] : [];
}

function parsed(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : null;
  } catch {
    return null;
  }
}

function shown(stderr: string): readonly string[] {
  const text = stderr.trim().slice(-500);
  return text === "" ? [] : [`standard error: ${text}`];
}
