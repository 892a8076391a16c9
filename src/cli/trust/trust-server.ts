import type { Root } from "../../bundle/trust/root.js";
import { parsePublicKey, SignetError, type ProjectRoot, type PublicKey } from "../../sdk/index.js";
import type { Session } from "../shell/session.js";
import type { RootFile } from "./trust-directory.js";

/** How a publication of a root is made. */
export interface PublishOptions {
  readonly force?: true;
  readonly dryRun?: true;
  readonly reason?: string;
}

/** The project that a root is of. */
export function projectOf({ orgId, projectId }: Root): { readonly orgId: string; readonly projectId: string } {
  return { orgId, projectId };
}

/**
 * The keys with which a server signs activations and leases: the current one, and one that is announced to be the next. Throws SignetError
 * when it has none.
 */
export async function attestationKeys({ client }: Session): Promise<readonly PublicKey[]> {
  const { keys } = await client.bundles.listKeys({});
  const used = keys.filter(({ purpose, state }) => purpose === "attestation" && state !== "previous");
  if (used.length > 0) return used.map(({ publicKeyPem }) => parsePublicKey(publicKeyPem));
  throw new SignetError("unimplemented", "the server has no key for activations and leases: it is of an older release");
}

/** Sends a root to the server. */
export async function sendRoot(
  session: Session,
  { envelope, root }: RootFile,
  { force, dryRun, reason }: PublishOptions,
): Promise<ProjectRoot> {
  const asked = { force: force === true, dryRun: dryRun === true, ...(reason !== undefined && { reason }) };
  return await session.client.trust.publishRoot({ ...projectOf(root), envelope, ...asked });
}

/** The runtimes of a project whose watch is open, which get a new root at once; null for a token that may not see them. */
export async function connectedRuntimes(session: Session, root: Root): Promise<number | null> {
  try {
    const { total } = await session.client.runtimes.listFleet({ ...projectOf(root), connected: true, limit: 1 });
    return total;
  } catch (thrown) {
    if (thrown instanceof SignetError && thrown.code === "forbidden") return null;
    throw thrown;
  }
}

/** `3 connected runtimes get it now`. */
export function reachInWords(connected: number | null): string {
  if (connected === null) return "connected runtimes get it now";
  return connected === 1 ? "1 connected runtime gets it now" : `${connected} connected runtimes get it now`;
}
