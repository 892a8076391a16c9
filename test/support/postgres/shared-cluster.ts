import { createConnection, createServer, type AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { ProvidedContext } from "vitest";
import type { TestProject } from "vitest/node";
import type { Cluster } from "../../../tools/postgres/cluster.js";
import type { ClusterAddress } from "../../../tools/postgres/databases.js";

declare module "vitest" {
  interface ProvidedContext {
    /** The port of 127.0.0.1 that answers where the run's PostgreSQL is, and starts it when it is asked for the first time. */
    postgresLauncher: number;
  }
}

/**
 * Vitest's global setup, in the process that starts the workers: one PostgreSQL server for a run, started when the first test
 * file asks for it, ended after the last. A run that needs none costs a listening socket.
 */
export default async function setUp({ provide }: TestProject): Promise<() => Promise<void>> {
  let cluster: Promise<Cluster> | undefined;
  const launch = async () => {
    const { startCluster } = await import("../../../tools/postgres/cluster.js");
    return await startCluster();
  };
  const launcher = createServer((socket) => {
    socket.on("error", () => undefined);
    (cluster ??= launch()).then(
      ({ major, port, socketDirectory, password }) =>
        socket.end(JSON.stringify({ major, port, socketDirectory, password })),
      (error: unknown) => socket.end(JSON.stringify({ failed: String(error) })),
    );
  });
  await new Promise<void>((resolve) => launcher.listen(0, "127.0.0.1", resolve));
  provide("postgresLauncher", (launcher.address() as AddressInfo).port);
  return async () => {
    launcher.close();
    await (await cluster?.catch(() => undefined))?.[Symbol.asyncDispose]();
  };
}

/** In a worker: where the run's server is. */
export async function askForCluster(launcher: ProvidedContext["postgresLauncher"]): Promise<ClusterAddress> {
  const answer = JSON.parse(await text(createConnection(launcher, "127.0.0.1"))) as ClusterAddress | { failed: string };
  if ("failed" in answer) throw new Error(answer.failed);
  return answer;
}
