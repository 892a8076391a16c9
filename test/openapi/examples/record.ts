import { writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import type { Example } from "../../../tools/openapi/examples.js";
import { startReceiver } from "../../support/receiver.js";
import { ADMIN_TOKEN, startTestServer } from "../../support/server.js";
import { createCaller } from "./caller.js";
import { live } from "./life.js";

// Writes tools/openapi/examples.json anew: npx tsx test/openapi/examples/record.ts && npm run generate
const examples = new Map<string, Example>();
await using receiver = await startReceiver();
await using server = await startTestServer({ SIGNET_WEBHOOK_ALLOW: "127.0.0.0/8" });
await live(createCaller(server.url, ADMIN_TOKEN, examples), receiver.url);

// Nothing of the machine that it ran on.
const told = JSON.stringify(Object.fromEntries([...examples].sort(([a], [b]) => (a < b ? -1 : 1))), null, 2)
  .replaceAll(receiver.url, "https://hooks.acme.example/signet")
  .replaceAll(server.url, "https://signet.acme.example")
  .replaceAll(server.url.replace("http://", ""), "signet.acme.example")
  .replaceAll(server.directory, "/var/lib/signet")
  .replaceAll(tmpdir(), "/var/lib")
  .replaceAll(hostname(), "signet-0");
writeFileSync(new URL("../../../tools/openapi/examples.json", import.meta.url), `${told}\n`);
