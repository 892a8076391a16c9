import { existsSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";
import { createServer } from "node:http";

/** One request as the receiver wrote it down, in the order of arrival. */
export interface Arrival {
  readonly id: string;
  readonly environment: string;
  readonly sequence: number | null;
  readonly version: number;
}

/**
 * A webhook's receiver: a program of its own (`receiver PORT FILE`), so that it can be killed. Whatever it answered with 200 is in
 * the file by then; the kernel keeps that when the process is killed. A line that a kill cut off was not answered: the next start
 * removes it. Tells its parent of each arrival, and that it listens.
 */
const [, , port = "", file = ""] = process.argv;
const earlier = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
if (earlier.length > 0) truncateSync(file, earlier.lastIndexOf("\n") + 1);
const written = openSync(file, "a");

createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const { data } = JSON.parse(Buffer.concat(chunks).toString("utf8")) as { data: Omit<Arrival, "id"> };
    const { environment, sequence, version } = data;
    const arrival: Arrival = { id: String(request.headers["webhook-id"]), environment, sequence, version };
    writeSync(written, `${JSON.stringify(arrival)}\n`);
    response.end();
    process.send?.("arrived");
  });
}).listen(Number(port), "127.0.0.1", () => process.send?.("listening"));

process.on("disconnect", () => process.exit());
