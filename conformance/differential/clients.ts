import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { runClient } from "../../src/sdk/conformance/node-client.js";

/** A client of the conformance kit; resolves with its end as a text, `{"state":…,"sequence":…,"error":…}`, or with what it died of. */
export interface DifferentialClient {
  readonly name: string;
  run(args: readonly string[], now: string): Promise<string>;
}

/** The SDK of this project, in this process. */
export const typescript: DifferentialClient = {
  name: "typescript",
  async run(args, now) {
    try {
      return endOf(await runClient(args, { SIGNET_NOW: now }));
    } catch (thrown) {
      return `crashed: ${String(thrown)}`;
    }
  },
};

/** @param binary of sdks/go/cmd/signet-runtime-conformance */
export function goClient(binary: string): DifferentialClient {
  return {
    name: "go",
    async run(args, now) {
      const child = spawn(binary, args, { env: { ...process.env, SIGNET_NOW: now }, timeout: 20_000 });
      let [out, err] = ["", ""];
      child.stdout.on("data", (text: Buffer) => (out += String(text)));
      child.stderr.on("data", (text: Buffer) => (err += String(text)));
      await once(child, "close");
      return out === "" ? `crashed: ${err}` : endOf(JSON.parse(out.trim()) as object);
    },
  };
}

/** One process for all cases: Python takes long to start. It ends with this one. */
export function pythonClient(command: string): DifferentialClient {
  const here = fileURLToPath(new URL(".", import.meta.url));
  const child = spawn(command, [`${here}client.py`], {
    env: { ...process.env, PYTHONPATH: `${here}../../sdks/python/src` },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  child.unref();
  return {
    name: "python",
    async run(args, now) {
      child.stdin.write(`${JSON.stringify({ args, now })}\n`);
      const line = await lines.next();
      if (line.done === true) throw new Error("the Python client ended");
      return endOf(JSON.parse(line.value) as object);
    },
  };
}

function endOf(end: object): string {
  const { state, sequence, error, crashed } = end as Readonly<Record<string, unknown>> & { readonly crashed?: string };
  return crashed === undefined ? JSON.stringify({ state, sequence, error }) : `crashed: ${crashed}`;
}
