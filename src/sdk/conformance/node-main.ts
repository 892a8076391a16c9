#!/usr/bin/env node
import { parseArgs } from "node:util";
import { initialize, update, type ClientEnd } from "./node-client.js";

const USAGE = `usage: signet-runtime-conformance --state DIRECTORY init ROOT ORG PROJECT ENVIRONMENT
       signet-runtime-conformance --state DIRECTORY --url URL update`;

/** The clock is SIGNET_NOW, the token SIGNET_TOKEN. The last line of the output is JSON; exit code 0 without an error in it, 1 with one. */
async function main(): Promise<ClientEnd> {
  const options = { state: { type: "string" }, url: { type: "string" } } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const { state, url } = values;
  const [command, ...rest] = positionals;
  const { SIGNET_NOW = new Date().toISOString(), SIGNET_TOKEN = "none" } = process.env;
  if (state !== undefined && command === "init" && rest.length === 4) {
    const [root = "", orgId = "", projectId = "", environment = ""] = rest;
    return await initialize(state, root, { orgId, projectId, environment });
  }
  if (state !== undefined && url !== undefined && command === "update" && rest.length === 0) {
    return await update(state, url, SIGNET_TOKEN, new Date(SIGNET_NOW));
  }
  throw new TypeError(USAGE);
}

try {
  const end = await main();
  console.log(JSON.stringify(end));
  process.exitCode = end.error === null ? 0 : 1;
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 2;
}
