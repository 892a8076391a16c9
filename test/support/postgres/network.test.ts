import { once } from "node:events";
import { createServer, connect, type AddressInfo, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { expect, it } from "vitest";
import { describeUnless } from "../needs.js";
import { missingForNetworks, openNetwork } from "./network.js";

/** Connects to $1:$2, says so, and prints what it receives. */
const CLIENT = `
  const [host, port] = process.argv.slice(1);
  const socket = require("node:net").connect(Number(port), host, () => console.log("connected"));
  socket.on("data", (chunk) => process.stdout.write(chunk));
`;

describeUnless(missingForNetworks(), "a network namespace", () => {
  it("reaches this machine by its links, each until it is cut, and nothing else", async () => {
    await using network = openNetwork("clients", "database");
    const { clients, database } = network.links;
    const sockets = new Map<string, Socket>();
    const server = createServer((socket) => sockets.set(socket.localAddress ?? "", socket));
    await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
    const { port } = server.address() as AddressInfo;
    const start = async ({ host }: { host: string }) => {
      const child = network.spawn(process.execPath, ["-e", CLIENT, host, String(port)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      if (child.stdout === null) throw new Error("no output");
      const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
      expect((await lines.next()).value).toBe("connected");
      return lines;
    };
    const [overClients, overDatabase] = [await start(clients), await start(database)];
    const say = (link: { host: string }, text: string) => sockets.get(link.host)?.write(`${text}\n`);

    database.cut();
    say(database, "late");
    say(clients, "now");
    expect((await overClients.next()).value).toBe("now");
    expect(sockets.get(database.host)?.bytesWritten).toBe(5);
    const [error] = await once(connect(port, database.inside), "error");
    expect(error).toMatchObject({ code: "EHOSTUNREACH" });

    database.heal();
    expect((await overDatabase.next()).value).toBe("late");

    for (const socket of sockets.values()) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
});
