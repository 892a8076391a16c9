/**
 * The server under test: `node dist/conformance/server.js IMAGE`. Reads a ServerCompatRequest from standard input, serves the
 * suite's service on Signet's own listener until SIGTERM, and says where on standard output.
 */
import { once } from "node:events";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { pino } from "pino";
import { ConformanceTypes } from "./descriptors.js";
import type { ServerCompatRequest } from "./messages.js";
import { openConformanceServer } from "./open-server.js";

const SIZE_BYTES = 4;

async function readMessage(): Promise<Uint8Array> {
  let read = Buffer.alloc(0);
  for await (const chunk of process.stdin) {
    read = Buffer.concat([read, chunk as Buffer]);
    if (read.length < SIZE_BYTES) continue;
    const size = read.readUInt32BE();
    if (read.length >= SIZE_BYTES + size) return read.subarray(SIZE_BYTES, SIZE_BYTES + size);
  }
  throw new Error("standard input ended before a whole message");
}

function writeMessage(message: Uint8Array): void {
  const size = Buffer.alloc(SIZE_BYTES);
  size.writeUInt32BE(message.length);
  process.stdout.write(Buffer.concat([size, message]));
}

const [imageFile = ""] = process.argv.slice(2);
const types = ConformanceTypes.read(imageFile);
const requested = fromBinary(
  types.message("ServerCompatRequest"),
  await readMessage(),
) as unknown as ServerCompatRequest;
const logger = pino({ level: process.env["SIGNET_LOG_LEVEL"] ?? "silent" }, pino.destination(2));
const server = await openConformanceServer(types, requested, logger);
const pemCert = requested.useTls ? requested.serverCreds?.cert : undefined;
const response = types.message("ServerCompatResponse");
writeMessage(toBinary(response, create(response, { host: "127.0.0.1", port: server.port, pemCert })));
await once(process, "SIGTERM");
await server.close();
