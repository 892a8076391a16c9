import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommandRule } from "../../../src/agent/outputs/command.js";
import { EnvironmentOutputs, type OutputsOptions } from "../../../src/agent/outputs/environment-outputs.js";
import { Journal } from "../../../src/agent/outputs/journal.js";
import type { OutputKind, OutputRule } from "../../../src/agent/outputs/output-rule.js";

export function rule(kind: OutputKind, path: string, mode: number | null = null): OutputRule {
  return { kind, path, mode, directoryMode: 0o755 };
}

export function shell(text: string, timeoutMs = 30_000): CommandRule {
  return { argv: ["/bin/sh", "-c", text], shown: text, timeoutMs };
}

/** A directory for outputs and the journal of them, and what is logged. */
export class Rig implements AsyncDisposable {
  readonly stop = new AbortController();
  readonly logged: { readonly level: string; readonly message: string; readonly fields: object }[] = [];

  private constructor(readonly directory: string) {}

  static async open(): Promise<Rig> {
    return new Rig(await mkdtemp(join(tmpdir(), "signet-outputs-")));
  }

  path(...names: string[]): string {
    return join(this.directory, ...names);
  }

  get log(): OutputsOptions["log"] {
    const at = (level: string) => (fields: object, message: string) =>
      void this.logged.push({ level, message, fields });
    return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  }

  async outputs(options: Partial<OutputsOptions>): Promise<EnvironmentOutputs> {
    const outputs = new EnvironmentOutputs({
      ...{ rules: [], check: null, run: null, log: this.log, signal: this.stop.signal },
      inherited: () => ({ PATH: process.env["PATH"] ?? "" }),
      journal: await Journal.open(this.path("state"), "prod"),
      ...options,
    });
    await outputs.tidy();
    return outputs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop.abort();
    await rm(this.directory, { recursive: true, force: true });
  }
}
