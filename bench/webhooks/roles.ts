/** What {@link Helper} starts: a receiver, one that accepts and says nothing, or a server with a new data directory. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { loadConfig } from "../../src/config/config.js";
import { startServer } from "../../src/server/server.js";
import { now, TOKEN, type Asked, type Told } from "./processes.js";

function tell(told: Told): void {
  process.send?.(told);
}

function tellWhere(server: Server): void {
  const { port } = server.address() as AddressInfo;
  tell({ kind: "ready", url: `http://127.0.0.1:${port}` });
}

function runReceiver(): void {
  let wanted = Infinity;
  let got = 0;
  let all = 0;
  const known = new Set<string>();
  process.on("message", (asked: Asked) => {
    if (asked.kind !== "count") return;
    wanted = asked.events;
    got = 0;
    all = 0;
    if (asked.again) known.clear();
  });
  const server = createHttpServer((request, response) => {
    request.resume().on("end", () => {
      const arrivedAt = now();
      response.end();
      all += 1;
      const id = `${request.url ?? ""} ${String(request.headers["webhook-id"])}`;
      if (known.has(id)) return;
      known.add(id);
      got += 1;
      if (got < wanted) return;
      wanted = Infinity;
      tell({ kind: "arrived", arrivedAt, all });
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => tellWhere(server));
}

function runSilent(): void {
  const server = createServer((socket) => socket.resume().on("error", () => undefined));
  server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => tellWhere(server));
}

async function runServer(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "signet-bench-"));
  process.on("SIGTERM", () => process.exit());
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  const config = loadConfig({
    SIGNET_PORT: "0",
    SIGNET_DATA: directory,
    SIGNET_ADMIN_TOKEN: TOKEN,
    SIGNET_RATE_LIMIT: "0",
    SIGNET_WEBHOOK_ALLOW: "127.0.0.0/8",
  });
  const { url, firstStart } = await startServer(config, pino({ level: "silent" }));
  if (firstStart === null) throw new Error("a new directory that is not new");
  process.on("message", (asked: Asked) => {
    if (asked.kind !== "use") return;
    const { user, system } = process.cpuUsage();
    tell({ kind: "used", cpuMs: (user + system) / 1000, rssMiB: process.memoryUsage.rss() / 2 ** 20 });
  });
  const { orgId, projectId } = firstStart;
  tell({ kind: "ready", url, orgId, projectId });
}

process.on("disconnect", () => process.exit());
const [, , role] = process.argv;
if (role === "receiver") runReceiver();
else if (role === "silent") runSilent();
else if (role === "server") await runServer();
