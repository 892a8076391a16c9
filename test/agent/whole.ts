import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Agent } from "../../src/agent/agent.js";
import type { AgentConfig } from "../../src/agent/config/agent-config.js";
import { parseAgentConfig } from "../../src/agent/config/parse-agent-config.js";
import { OWNER, type Site } from "../attacks/trust/site.js";
import { rootEnvelope } from "../support/trust.js";

/** A whole agent in this process, as `signet agent --config` starts it; what it logs is kept. */
export class WholeAgent implements AsyncDisposable {
  readonly logged: string[];

  private constructor(
    readonly agent: Agent,
    logged: string[],
  ) {
    this.logged = logged;
  }

  static async start(config: AgentConfig): Promise<WholeAgent> {
    const logged: string[] = [];
    const tell = (fields: object, message: string) => void logged.push(`${message} ${JSON.stringify(fields)}`);
    const log = { debug: () => undefined, info: tell, warn: tell, error: tell };
    const options = { environment: { PATH: process.env["PATH"] ?? "" }, log: () => log, ownLog: log };
    return new WholeAgent(await Agent.start(config, { ...options, agent: "signet-agent/0", version: "0" }), logged);
  }

  /** Where readers are served. */
  get url(): string {
    return this.agent.urls[0] ?? "";
  }

  /** The text of /metrics at an address of the agent's. */
  async metrics(url = this.url): Promise<string> {
    return await (await fetch(`${url}/metrics`)).text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent[Symbol.asyncDispose]();
  }
}

/** Writes the root and the token of the site's dev to a directory, and returns what a configuration says of it there. */
export async function devIn(directory: string, site: Site): Promise<Readonly<Record<string, unknown>>> {
  await writeFile(join(directory, "root.json"), await rootEnvelope(site.root, OWNER));
  await writeFile(join(directory, "token"), site.token, { mode: 0o600 });
  return { name: "dev", url: site.signet.url, root: "root.json", token: { file: "token" } };
}

/** A configuration whose files are in a directory. */
export function configIn(directory: string, value: Readonly<Record<string, unknown>>): AgentConfig {
  return parseAgentConfig({ state: "state", ...value }, { base: directory, environment: {} });
}
