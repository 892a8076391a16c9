import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { RuntimeMessage, RuntimeTask } from "./messages.js";

type Applied = Extract<RuntimeMessage, { type: "applied" }>;

/** The runtime process of the quickstart. */
export interface RuntimeProcess extends AsyncDisposable {
  readonly pid: number;
  /** Resolves when the runtime has verified the activation with this sequence; rejects when it refused one or exited. */
  applied(environment: string, sequence: number): Promise<Applied>;
}

/** Starts the runtime and waits until each of its streams is open. An abort ends the process and every wait for it. */
export async function startRuntime(signal: AbortSignal, task: RuntimeTask): Promise<RuntimeProcess> {
  const child = fork(fileURLToPath(new URL("./runtime.js", import.meta.url)), { stdio: "inherit" });
  const told: RuntimeMessage[] = [];
  let wake = () => {};
  let ended = false;
  child.on("message", (message: RuntimeMessage) => {
    told.push(message);
    wake();
  });
  child.once("exit", () => {
    ended = true;
    wake();
  });
  const stop = () => {
    if (child.connected) child.disconnect();
  };
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();

  const find = async <T extends RuntimeMessage>(wanted: (message: RuntimeMessage) => message is T): Promise<T> => {
    for (;;) {
      const refused = told.find((message) => message.type === "refused");
      if (refused?.type === "refused")
        throw new Error(`the runtime refused a push to ${refused.environment}: ${refused.reason}`);
      const found = told.find(wanted);
      if (found !== undefined) return found;
      if (ended) throw new Error("the runtime exited early");
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };

  if (child.connected) child.send(task);
  for (const environment of Object.keys(task.tokens)) {
    await find((message): message is Extract<RuntimeMessage, { type: "watching" }> => {
      return message.type === "watching" && message.environment === environment;
    });
  }
  return {
    pid: child.pid ?? 0,
    applied: (environment, sequence) =>
      find((message): message is Applied => {
        return message.type === "applied" && message.environment === environment && message.sequence === sequence;
      }),
    async [Symbol.asyncDispose]() {
      if (ended) return;
      const exit = once(child, "exit");
      stop();
      await exit;
    },
  };
}
