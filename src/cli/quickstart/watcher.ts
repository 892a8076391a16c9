import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { isExecutable } from "../../assets/assets.js";
import { SignetError } from "../../sdk/index.js";

/** A push that the runtime verified. */
export interface VerifiedPush {
  readonly sequence: number;
  /** From the activation to the verified document. */
  readonly latencyMs: number;
}

/** A runtime in a process of its own; disposing of it ends the process. */
export interface Watcher extends AsyncDisposable {
  readonly pid: number;
  /** Resolves when the activation with this sequence is verified. Rejects when a push was refused, or the process has ended. */
  verified(sequence: number): Promise<VerifiedPush>;
}

/** What a runtime is given: the server, its token, and the keys to trust. */
export interface WatcherTask {
  readonly url: string;
  readonly token: string;
  readonly keysPem: string;
  /** Options of Node for its process; undefined for none. */
  readonly nodeOptions: string | undefined;
}

/** A line of `signet watch --json` on standard output. */
interface WatchLine {
  readonly event: "activation" | "rejected";
  readonly sequence: number;
  readonly latency_ms: number;
  readonly reason?: string;
  readonly message?: string;
}

/** Starts `signet watch` with this program, and waits until its stream is open. An abort ends the process and every wait for it. */
export async function startWatcher(
  { url, token, keysPem, nodeOptions }: WatcherTask,
  signal: AbortSignal,
): Promise<Watcher> {
  const script = isExecutable ? [] : [process.argv[1] ?? ""];
  const child = spawn(
    process.execPath,
    [...script, "watch", "--keys", "-", "--json", "--instance", "quickstart"],
    // Nothing else of this environment: a context or a proxy of the user's is for another server.
    {
      env: {
        SIGNET_URL: url,
        SIGNET_TOKEN: token,
        ...(nodeOptions === undefined ? {} : { NODE_OPTIONS: nodeOptions }),
      },
    },
  );
  const lines: WatchLine[] = [];
  let notices = "";
  let isEnded = false;
  let wake = () => {};
  const ended = once(child, "close").then(() => {
    isEnded = true;
    wake();
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(JSON.parse(line) as WatchLine);
    wake();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    notices += text;
    wake();
  });
  const stop = () => void child.kill("SIGTERM");
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  child.stdin.on("error", () => undefined);
  child.stdin.end(keysPem);

  const wait = async <T>(find: () => T | undefined): Promise<T> => {
    for (;;) {
      const refused = lines.find(({ event }) => event === "rejected");
      if (refused !== undefined) {
        throw new SignetError("internal", `the runtime refused a push: ${refused.reason}: ${refused.message}`);
      }
      const found = find();
      if (found !== undefined) return found;
      if (isEnded) throw new SignetError("unavailable", `the runtime ended early: ${notices.trim()}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const dispose = async () => {
    signal.removeEventListener("abort", stop);
    stop();
    await ended;
  };
  try {
    await wait(() => (notices.includes('{"notice":"connected') ? true : undefined));
  } catch (thrown) {
    await dispose();
    throw thrown;
  }
  return {
    pid: child.pid ?? 0,
    async verified(sequence) {
      const line = await wait(() => lines.find((it) => it.event === "activation" && it.sequence === sequence));
      return { sequence, latencyMs: line.latency_ms };
    },
    [Symbol.asyncDispose]: dispose,
  };
}
