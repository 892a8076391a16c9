/**
 * A guard that answers decisions by proven policies: `npx tsx examples/runtime.ts`, with the settings below in the environment.
 * `curl 127.0.0.1:PORT` says what is in force; 503 when nothing is proven.
 */
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { openRuntime } from "../src/sdk/node.js";

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

await using runtime = await openRuntime({
  url: setting("SIGNET_URL"),
  token: () => readFileSync(setting("SIGNET_TOKEN_FILE"), "utf8").trim(),
  // What `signet trust init` wrote for runtimes.
  trust: { root: readFileSync(setting("SIGNET_ROOT_FILE"), "utf8") },
  identity: {
    orgId: setting("SIGNET_ORG_ID"),
    projectId: setting("SIGNET_PROJECT_ID"),
    environment: setting("SIGNET_ENVIRONMENT"),
  },
  instanceId: process.env["HOSTNAME"] ?? "guard",
  cache: setting("SIGNET_CACHE"),
  // A guard that must not go on without proof.
  onExpired: "close",
});
runtime.on("state", ({ state, refusal }) =>
  console.error(`${state}${refusal === null ? "" : `, refused ${refusal.code}`}`),
);
runtime.on("update", ({ version, release }) =>
  console.error(`version ${version} by ${release?.authors.join(", ") ?? "the server"}`),
);

const server = createServer((_, response) => {
  const { current, status } = runtime;
  response.setHeader("Content-Type", "application/json");
  response.statusCode = current === null ? 503 : 200;
  response.end(JSON.stringify({ state: status.state, version: current?.version ?? null, policies: current?.policies }));
});
server.listen(Number(process.env["PORT"] ?? 0), "127.0.0.1", () => {
  const address = server.address();
  console.log(`http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`);
});
await new Promise((resolve) => process.once("SIGTERM", resolve).once("SIGINT", resolve));
server.close();
