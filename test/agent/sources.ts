import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PackSource, PackSourceOptions } from "../../src/agent/source/environment-pack.js";
import { openPackSource } from "../../src/agent/source/pack-source.js";
import type { Site } from "../attacks/trust/site.js";
import { OWNER } from "../attacks/trust/site.js";
import { rootEnvelope } from "../support/trust.js";

const SOON = { baseMs: 20, maxMs: 40, random: Math.random };

/** A directory that goes with the test. */
export async function scratchDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "signet-agent-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Options of a source of the site's dev, behind `url`. */
export async function optionsOf(site: Site, directory: string, url = site.signet.url): Promise<PackSourceOptions> {
  return {
    ...{ url, directory, token: site.token, instanceId: "agent" },
    trust: { root: await rootEnvelope(site.root, OWNER) },
    identity: { orgId: site.signet.orgId, projectId: site.projectId, environment: "dev" },
    ...{ backoff: SOON, refusalBackoff: SOON },
  };
}

/** Opens a source of the site's dev. */
export async function openSource(
  site: Site,
  directory: string,
  { url, ...changes }: Partial<PackSourceOptions> = {},
): Promise<PackSource> {
  return await openPackSource({ ...(await optionsOf(site, directory, url)), ...changes });
}
