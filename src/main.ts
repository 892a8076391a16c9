#!/usr/bin/env node
import { once } from "node:events";
import { runCli } from "./cli/run.js";

/** How long the end waits for a reader of standard error that has stopped. */
const LOG_DRAIN_MS = 1_000;

const stop = new AbortController();
for (const [name, exitCode] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  // The first asks politely; the second does not wait for the answer.
  process.on(name, () => (stop.signal.aborted ? process.exit(exitCode) : stop.abort(exitCode)));
}
// The reader has closed the pipe: `signet bundles | head -1`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
process.stderr.on("error", () => undefined);

// No await: the executable's script is CommonJS, which cannot wait at its top.
void runCli({
  argv: process.argv.slice(2),
  environment: process.env,
  stdin: process.stdin,
  setEcho: (isOn) => void (process.stdin.isTTY && process.stdin.setRawMode(!isOn)),
  out: (text) => void process.stdout.write(text),
  outBytes: async (bytes) => {
    if (!process.stdout.write(bytes)) await once(process.stdout, "drain");
  },
  err: (text) => void process.stderr.write(text),
  isInTerminal: process.stdin.isTTY,
  isTerminal: process.stdout.isTTY,
  columns: process.stdout.isTTY ? process.stdout.columns : undefined,
  isErrTerminal: process.stderr.isTTY,
  signal: stop.signal,
  onHangup: (listener) => void process.on("SIGHUP", listener),
}).then((exitCode) => {
  process.exitCode = exitCode;
  endWithoutReader();
});

/** Unread text for standard error would keep the process alive for ever. Standard output is never cut. */
function endWithoutReader(): void {
  const end = () => (process.stdout.writableLength > 0 ? endWithoutReader() : process.exit());
  setTimeout(end, LOG_DRAIN_MS).unref();
}
