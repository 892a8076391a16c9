/** The part of `signet agent` that follows and serves, in a process of its own. Run with its settings as JSON. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { startLocalServer } from "../src/agent/serve/local-server.js";
import { openPackSource } from "../src/agent/source/pack-source.js";
import type { TrustIdentity } from "../src/bundle/trust/trust-state.js";

/** Whom an agent follows. */
export interface AgentSettings {
  readonly url: string;
  readonly token: string;
  readonly directory: string;
  readonly identity: TrustIdentity;
  /** PEM texts. */
  readonly keys: readonly string[];
}

export class AgentProcess implements AsyncDisposable {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
  ) {}

  static async start(settings: AgentSettings): Promise<AgentProcess> {
    const profiles = process.env["CPU_PROF"];
    const execArgv = profiles === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", profiles];
    const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(settings)], { execArgv });
    const [url] = (await Promise.race([
      once(child, "message"),
      once(child, "exit").then(() => Promise.reject(new Error("the agent did not start"))),
    ])) as [string];
    return new AgentProcess(url, child);
  }

  get pid(): number {
    return this.child.pid ?? NaN;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.child, "exit");
    this.child.disconnect();
    await gone;
  }
}

async function run({ keys, ...settings }: AgentSettings): Promise<void> {
  const source = await openPackSource({
    ...{ ...settings, trust: { keys }, instanceId: "bench-agent", keeps: ["document"] },
  });
  const server = await startLocalServer({
    listen: { host: "127.0.0.1", port: 0 },
    environments: [{ label: "dev", source }],
  });
  for await (const _first of source.updates()) break;
  process.on("disconnect", () => {
    void server[Symbol.asyncDispose]()
      .then(() => source[Symbol.asyncDispose]())
      .then(() => process.exit());
  });
  process.send?.(server.url);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await run(JSON.parse(process.argv[2] ?? "{}") as AgentSettings);
}
