import { AppError } from "../../../src/core/error.js";
import { createPools, type Pools } from "../../../src/store/postgres/connect.js";
import type { ConnectionNotice } from "../../../src/store/postgres/options.js";

/** The connections of a URL, two for reads. */
export function poolsOf(url: string, ca: string | null = null, notices: ConnectionNotice[] = []): Pools {
  const options = { url, directUrl: null, ca, poolSize: 2, applicationName: "signet" };
  return createPools(options, (notice) => notices.push(notice));
}

/** Why the first connection to a URL is refused; null when it is not. */
export async function checkOf(url: string, ca: string | null = null): Promise<AppError | null> {
  try {
    await using pools = poolsOf(url, ca);
    await pools.check();
    return null;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}
