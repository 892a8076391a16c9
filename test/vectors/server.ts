/**
 * A server that lies on request: `npx tsx test/vectors/server.ts [--host 127.0.0.1] [--port 0]`. It prints its address, and serves until
 * it is ended.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { createVectorServer } from "./vector-server.js";

const { values } = parseArgs({
  options: { host: { type: "string", default: "127.0.0.1" }, port: { type: "string", default: "0" } },
});
const server = createVectorServer();
server.listen(Number(values.port), values.host);
await once(server, "listening");
const { address, family, port } = server.address() as AddressInfo;
console.log(`http://${family === "IPv6" ? `[${address}]` : address}:${port}`);
