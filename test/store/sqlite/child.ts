import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";

const ROOT = path.resolve(import.meta.dirname, "../../..");

/** A process of its own that runs a few lines against src/core and src/store, and tells what happens line by line. */
export class Child {
  readonly #process: ChildProcess;
  #output = "";

  /** `script` is JavaScript; it imports from `./src/…`. The directory takes the compiled sources. */
  constructor(directory: string, script: string, args: readonly string[]) {
    const main = path.join(compileInto(directory), "main.js");
    writeFileSync(main, script);
    this.#process = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    this.#process.stdout!.setEncoding("utf8").on("data", (text: string) => (this.#output += text));
  }

  get pid(): number {
    return this.#process.pid!;
  }

  get lines(): string[] {
    return this.#output.split("\n").slice(0, -1);
  }

  /** Resolves when it has written that many lines; rejects when it ends before. */
  async hasWritten(count: number): Promise<string[]> {
    const ended = once(this.#process.stdout!, "end").then(() => "end");
    while (this.lines.length < count) {
      const next = await Promise.race([once(this.#process.stdout!, "data"), ended]);
      if (next === "end" && this.lines.length < count) throw new Error(`the child ended after: ${this.#output}`);
    }
    return this.lines;
  }

  /** SIGKILL; resolves when the process is gone and all it wrote was read. */
  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const closed = once(this.#process, "close");
    this.#process.kill("SIGKILL");
    await closed;
  }
}

function compileInto(directory: string): string {
  const target = path.join(directory, "child");
  mkdirSync(target, { recursive: true });
  writeFileSync(path.join(target, "package.json"), '{"type":"module"}');
  symlinkSync(path.join(ROOT, "node_modules"), path.join(target, "node_modules"));
  for (const file of sources()) {
    const compilerOptions = {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2022,
      verbatimModuleSyntax: true,
    };
    const { outputText } = ts.transpileModule(readFileSync(path.join(ROOT, file), "utf8"), { compilerOptions });
    const compiled = path.join(target, file.replace(/\.ts$/, ".js"));
    mkdirSync(path.dirname(compiled), { recursive: true });
    writeFileSync(compiled, outputText);
  }
  return target;
}

function sources(): string[] {
  return ["src/core", "src/store"].flatMap((folder) =>
    readdirSync(path.join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => path.join(folder, name)),
  );
}
