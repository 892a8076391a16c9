import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What an OPA is started with. */
export interface OpaSettings {
  /** The base URL of the service, up to `/v1/opa`. */
  readonly url: string;
  readonly token: string;
  readonly publicKeyPem: string;
  readonly scope: string;
  /** `labels.id`. */
  readonly id: string;
  readonly waitSeconds?: number;
  readonly logsDecisions?: boolean;
  /** Where bundles are kept; a new directory by default. */
  readonly directory?: string;
}

/** A running `opa run --server`. */
export interface Opa extends AsyncDisposable {
  readonly directory: string;
  /** What it printed. */
  readonly output: () => string;
  /** The raw text of `GET /v1/data/<path>` with an input; `{}` where it is undefined. */
  decide(path: string, input?: unknown): Promise<string>;
}

/** Starts one, as docs/opa.md configures it. */
export async function startOpa(program: string, settings: OpaSettings): Promise<Opa> {
  const directory = settings.directory ?? mkdtempSync(join(tmpdir(), "signet-opa-"));
  const tokenFile = join(directory, "token");
  writeFileSync(tokenFile, settings.token, { mode: 0o600 });
  const config = join(directory, "config.json");
  writeFileSync(config, JSON.stringify(configOf(settings, tokenFile, directory)));
  const port = await freePort();
  const args = ["run", "--server", `--addr=127.0.0.1:${port}`, `--config-file=${config}`, "--disable-telemetry"];
  const child = spawn(program, [...args, "--log-level=info"], { stdio: ["ignore", "pipe", "pipe"], cwd: directory });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += String(chunk)));
  await listening(port, child, () => output);
  return {
    directory,
    output: () => output,
    async decide(path, input = {}) {
      const init = { method: "POST", body: JSON.stringify({ input }) };
      const text = await (await fetch(`http://127.0.0.1:${port}/v1/data/${path}`, init)).text();
      // There only with decision logs.
      return text.trim().replace(/"decision_id":"[^"]*",?/, "");
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) {
        child.kill("SIGKILL");
        await once(child, "exit");
      }
      if (settings.directory === undefined) rmSync(directory, { recursive: true, force: true });
    },
  };
}

function configOf(settings: OpaSettings, tokenFile: string, directory: string): object {
  const { url, publicKeyPem, scope, id, waitSeconds = 60, logsDecisions = false } = settings;
  return {
    labels: { id, region: "eu" },
    persistence_directory: join(directory, "kept"),
    services: { signet: { url, credentials: { bearer: { token_path: tokenFile } } } },
    keys: { signet: { algorithm: "ES256", key: publicKeyPem } },
    bundles: {
      policy: {
        ...{ service: "signet", resource: "bundle.tar.gz", persist: true },
        polling: { long_polling_timeout_seconds: waitSeconds },
        signing: { keyid: "signet", scope },
      },
    },
    status: { service: "signet" },
    ...(logsDecisions
      ? { decision_logs: { service: "signet", reporting: { min_delay_seconds: 1, max_delay_seconds: 1 } } }
      : {}),
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function listening(port: number, child: ChildProcess, output: () => string): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    if (child.exitCode !== null) throw new Error(`opa ended: ${output()}`);
    try {
      await fetch(`http://127.0.0.1:${port}/health`);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error(`opa does not listen: ${output()}`);
}
