import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from "node:child_process";
import { join } from "node:path";

const MAIN = join(import.meta.dirname, "../../dist/src/main.js");

/** A `signet` process. */
export class Signet implements AsyncDisposable {
  out = "";
  err = "";
  /** The exit code; null when a signal killed it. */
  readonly exit: Promise<number | null>;
  private readonly heard: (() => void)[] = [];

  private constructor(readonly child: ChildProcess) {
    child.stdout?.setEncoding("utf8").on("data", (text: string) => this.hear(() => (this.out += text)));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => this.hear(() => (this.err += text)));
    this.exit = new Promise((resolve) => child.on("close", (code) => this.hear(() => resolve(code))));
  }

  static start(argv: readonly string[], environment: Readonly<Record<string, string>> = {}, stdin = ""): Signet {
    const env = { PATH: process.env["PATH"] ?? "", SIGNET_DATA: "/nonexistent", ...environment };
    const child = spawn(process.execPath, [MAIN, ...argv], { env });
    return Signet.adopt(child, stdin);
  }

  /** A process that was started in another way. */
  static adopt(child: ChildProcessWithoutNullStreams, stdin = ""): Signet {
    child.stdin.on("error", () => undefined);
    child.stdin.end(stdin);
    return new Signet(child);
  }

  /** The first line of standard output that matches. Rejects when the process ends without it. */
  line(pattern: RegExp): Promise<string> {
    return this.find(() => this.out.split("\n").slice(0, -1), pattern);
  }

  errLine(pattern: RegExp): Promise<string> {
    return this.find(() => this.err.split("\n").slice(0, -1), pattern);
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    this.child.kill(signal);
    return await this.exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.exit;
  }

  private hear(change: () => void): void {
    change();
    for (const listener of this.heard) listener();
  }

  private async find(lines: () => readonly string[], pattern: RegExp): Promise<string> {
    let ended = false;
    void this.exit.then(() => {
      ended = true;
    });
    for (;;) {
      const found = lines().find((line) => pattern.test(line));
      if (found !== undefined) return found;
      if (ended) throw new Error(`ended without ${pattern}; stdout: ${this.out} stderr: ${this.err}`);
      await Promise.race([new Promise<void>((resolve) => this.heard.push(resolve)), this.exit]);
    }
  }
}

/** Runs a command to its end. */
export async function runProcess(
  argv: readonly string[],
  environment: Readonly<Record<string, string>>,
  stdin = "",
): Promise<{ exitCode: number | null; out: string; err: string }> {
  await using signet = Signet.start(argv, environment, stdin);
  const exitCode = await signet.exit;
  return { exitCode, out: signet.out, err: signet.err };
}

/** Starts a server on a data directory and waits until it listens. */
export async function startServe(data: string, ...flags: string[]): Promise<{ server: Signet; url: string }> {
  const server = Signet.start(["serve", "--port", "0", "--data", data, "--log-level", "warn", ...flags]);
  const line = await server.line(/./);
  const [, url] = /^signet listening on (https?:\/\/127\.0\.0\.1:\d+)$/.exec(line) ?? [];
  if (url === undefined) throw new Error(`not the line that was promised: ${line}`);
  return { server, url };
}
