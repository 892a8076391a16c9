import { readFileSync } from "node:fs";
import type { Config } from "../../src/config/config.js";
import { AppError } from "../../src/core/error.js";
import { PORT_TAKEN } from "../../src/server/listen-error.js";
import type { RunningServer } from "../../src/server/server.js";

/** Starts on the configured port, or on any free one when that is taken. */
export async function startOnFreePort(
  config: Config,
  start: (config: Config) => Promise<RunningServer>,
): Promise<RunningServer> {
  try {
    return await start(config);
  } catch (thrown) {
    if (!(thrown instanceof AppError) || thrown.reason !== PORT_TAKEN) throw thrown;
    console.log(`   port ${config.port} is in use; taking a free one`);
    return await start({ ...config, port: 0 });
  }
}

/** The admin token: the one that the operator chose, or the one that the first start left in the data directory. */
export function readAdminToken(config: Config, server: RunningServer): string {
  if (config.adminToken !== null) return config.adminToken;
  try {
    return readFileSync(server.adminTokenFile, "utf8").trim();
  } catch {
    throw new Error(
      `there is no ${server.adminTokenFile}. Stop the server and run "npx signet token create --admin --data ${server.dataDirectory}" to make a new one, ` +
        "or set SIGNET_ADMIN_TOKEN to the one that this data directory was made with.",
    );
  }
}
