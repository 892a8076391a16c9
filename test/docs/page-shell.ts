import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Readable } from "node:stream";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const MAIN = join(ROOT, "dist/src/main.js");

/** What a reader has in a checkout in which `npm ci` was run. `dist` is what the test run built. */
const CHECKOUT = ["dist", "docs", "examples", "gen", "node_modules", "package.json", "packaging", "proto", "sdks"];

/** `npx` without the start-up of npm: the same program of the same checkout. */
const NPX = `#!/bin/sh
name=$1; shift
case $name in
  signet) exec "${process.execPath}" "${MAIN}" "$@" ;;
  *) exec "${ROOT}node_modules/.bin/$name" "$@" ;;
esac
`;

/** `npm` without installing and building the server, which the test run did before, and without a network. */
const NPM = `#!/bin/sh
own() { PATH=\${PATH#*:} npm "$@"; }
case "$*" in
  "run pack:sdk")
    set -e
    work=$(mktemp -d -p "${ROOT}dist")
    "${process.execPath}" "${ROOT}dist/packaging/sdk/build.js" "$work/sdk"
    own pack "$work/sdk" --ignore-scripts --silent --pack-destination "$work"
    mv "$work"/*.tgz "${ROOT}dist"
    exec rm -r "$work" ;;
  "run pack:proto") exec "${process.execPath}" "${ROOT}dist/packaging/proto/build.js" ;;
  "install --prefix "*" ./dist/"*) own "$@" --offline --no-audit --no-fund; exit ;;
  ci|"run build") exit 0 ;;
  start) exec "${process.execPath}" "${MAIN}" serve ;;
  "run quickstart") exec "${process.execPath}" "${ROOT}dist/src/main.js" quickstart ;;
  *) echo "npm $*: not in the examples so far" >&2; exit 1 ;;
esac
`;

/** `curl` that fails (22) at an answer of 400 or more, so that an example does. */
const CURL = `#!/bin/sh
PATH=\${PATH#*:}
case $1 in
  -sf) exec curl "$@" ;;
  *) exec curl --silent --fail-with-body "$@" ;;
esac
`;

/** How long after a Ctrl-C that did not end a terminal the next one comes. */
const INTERRUPT_AGAIN_MS = 1000;

/** What a block printed, and the exit code of its last command; null when the shell ended before, at a command that failed. */
export interface BlockResult {
  readonly out: string;
  readonly err: string;
  readonly exit: number | null;
}

/**
 * A fresh shell in a directory like a fresh checkout, into which the blocks of a page are pasted one after the other. Only ports are
 * substituted: each that a page uses becomes a free one of this shell.
 */
export class PageShell implements AsyncDisposable {
  readonly #directory: string;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #ports: ReadonlyMap<string, number>;
  readonly #shell: ChildProcess;
  readonly #codes: AsyncIterator<string>;
  readonly #signal: AbortSignal;
  #blocks = 0;

  private constructor(directory: string, ports: ReadonlyMap<string, number>, signal: AbortSignal) {
    this.#directory = directory;
    this.#signal = signal;
    this.#ports = ports;
    const bin = join(directory, ".shell");
    mkdirSync(bin);
    for (const [name, text] of Object.entries({ npx: NPX, npm: NPM, curl: CURL })) {
      writeFileSync(join(bin, name), text);
      chmodSync(join(bin, name), 0o755);
    }
    for (const name of CHECKOUT) symlinkSync(join(ROOT, name), join(directory, name));
    const port = String(ports.get("8080"));
    this.#environment = {
      PATH: `${bin}:${process.env["PATH"] ?? ""}`,
      HOME: process.env["HOME"] ?? directory,
      SIGNET_PORT: port,
      SIGNET_URL: `http://127.0.0.1:${port}`,
    };
    this.#shell = this.#spawn(["-s"], ["pipe", "ignore", "ignore", "pipe"]);
    this.#shell.stdin?.on("error", () => undefined);
    this.#codes = lines(this.#shell.stdio[3] as Readable);
    this.#shell.stdin?.write("set -eo pipefail\n");
  }

  /** Opens one in an empty directory, for a page that uses these ports. An abort kills all that it started. */
  static async open(directory: string, ports: readonly string[], signal: AbortSignal): Promise<PageShell> {
    const free: [string, number][] = [];
    for (const port of ports) free.push([port, await freePort()]);
    return new PageShell(directory, new Map(free), signal);
  }

  /** The port of this shell that stands for one of the page. */
  port(ofPage: string): number {
    const port = this.#ports.get(ofPage);
    if (port === undefined) throw new Error(`no port stands for ${ofPage}`);
    return port;
  }

  get directory(): string {
    return this.#directory;
  }

  /** A text of the page with the ports of this shell. */
  substitute(text: string): string {
    return [...this.#ports].reduce((so, [from, to]) => so.replaceAll(new RegExp(`\\b${from}\\b`, "g"), `${to}`), text);
  }

  /** Saves a block as a file, as the page tells. */
  save(name: string, text: string): void {
    writeFileSync(join(this.#directory, name), this.substitute(text));
  }

  /** Pastes a block and waits until it is done. What it left in the background goes on. */
  async run(text: string, mayFail: boolean): Promise<BlockResult> {
    const file = join(this.#directory, ".shell", String((this.#blocks += 1)));
    writeFileSync(file, this.substitute(text));
    // What stays in the background must not hold the pipe of the exit codes.
    const command = `. "${file}" > "${file}.out" 2> "${file}.err" < /dev/null 3>&-`;
    this.#shell.stdin?.write(mayFail ? `set +e; ${command}; echo $? >&3; set -e\n` : `${command}; echo $? >&3\n`);
    const { value, done } = await this.#codes.next();
    const exit = done === true ? null : Number(value);
    return { exit, out: readFileSync(`${file}.out`, "utf8"), err: readFileSync(`${file}.err`, "utf8") };
  }

  /** Runs a block in a terminal of its own until its output has the text, then interrupts it as Ctrl-C does. Throws when it ends before. */
  async runUntil(text: string, until: string): Promise<BlockResult> {
    const terminal = this.#spawn(["-euo", "pipefail", "-c", this.substitute(text)], ["ignore", "pipe", "pipe"]);
    const written = { out: "", err: "" };
    const seen = () => written.out.includes(until) || written.err.includes(until);
    let again: NodeJS.Timeout | undefined;
    const collect = (stream: Readable | null, name: "out" | "err") =>
      stream?.setEncoding("utf8").on("data", (chunk: string) => {
        written[name] += chunk;
        if (again !== undefined || !seen()) return;
        signalGroup(terminal, "SIGINT");
        // A loop goes on when the program that it ran took the first one for itself.
        again = setInterval(() => signalGroup(terminal, "SIGINT"), INTERRUPT_AGAIN_MS);
      });
    collect(terminal.stdout, "out");
    collect(terminal.stderr, "err");
    const [code, signal] = (await once(terminal, "close")) as [number | null, string | null];
    clearInterval(again);
    if (!seen()) throw new Error(`ended without ${until}: ${written.out}${written.err}`);
    return { ...written, exit: code ?? (signal === "SIGINT" ? 130 : null) };
  }

  /** Ends what the page left in the background, then the shell. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#shell.exitCode !== null || this.#shell.signalCode !== null) return signalGroup(this.#shell, "SIGKILL");
    const closed = once(this.#shell, "close");
    this.#shell.stdin?.end("set +e; kill $(jobs -p); wait; exit\n");
    await closed;
    signalGroup(this.#shell, "SIGKILL");
  }

  #spawn(args: readonly string[], stdio: ("pipe" | "ignore")[]): ChildProcess {
    const options = { cwd: this.#directory, env: this.#environment, stdio, detached: true };
    const child = spawn("bash", ["--noprofile", "--norc", ...args], options);
    const kill = () => signalGroup(child, "SIGKILL");
    this.#signal.addEventListener("abort", kill);
    child.once("close", () => this.#signal.removeEventListener("abort", kill));
    return child;
  }
}

/** To all processes of a detached child; none of them may be there any more. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-(child.pid ?? 0), signal);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ESRCH") throw thrown;
  }
}

async function* lines(stream: Readable): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of stream.setEncoding("utf8") as AsyncIterable<string>) {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}

/** A port that nothing listens on, below those that the system hands out to others that ask for any. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    const server = createServer();
    const listening = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!listening) continue;
    await once(server.close(), "close");
    return port;
  }
}
