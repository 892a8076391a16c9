#!/usr/bin/env node
import { runClient } from "./node-client.js";

// The last line of the output is JSON. Exit code 0: the update was accepted; 1: refused, or no answer; 2: the command failed.
try {
  const end = await runClient(process.argv.slice(2), process.env);
  console.log(JSON.stringify(end));
  process.exitCode = end.error === null ? 0 : 1;
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 2;
}
