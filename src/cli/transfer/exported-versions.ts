import { SignetError } from "../../sdk/index.js";
import { UsageError } from "../shell/cli-error.js";
import type { EnvironmentPath, Session } from "../shell/session.js";
import { MAX_EXPORT_VERSIONS } from "./export-file.js";

/** Which versions to export; the active one by default. */
export interface VersionChoice {
  readonly version?: number;
  readonly all?: true;
  /** A sequence. */
  readonly since?: number;
}

/** Pages of this many are fetched. */
const PAGE = 1000;

/**
 * The chosen versions that are kept, in ascending order, at least one. Throws UsageError for more than one choice or too many versions,
 * SignetError `not_found` when there is none.
 */
export async function chosenVersions(
  session: Session,
  environment: EnvironmentPath,
  { version, all, since }: VersionChoice,
): Promise<readonly number[]> {
  const versions = await wanted(session, environment, { version, all, since });
  if (versions.length > MAX_EXPORT_VERSIONS) {
    const count = `${versions.length} versions, and an export has at most ${MAX_EXPORT_VERSIONS}`;
    throw new UsageError(`there are ${count}: export the newest ones with --since`);
  }
  return [...versions].sort((a, b) => a - b);
}

async function wanted(
  session: Session,
  environment: EnvironmentPath,
  { version, all, since }: { readonly [Name in keyof VersionChoice]: VersionChoice[Name] | undefined },
): Promise<readonly number[]> {
  if ([version, all, since].filter((choice) => choice !== undefined).length > 1) {
    throw new UsageError("--version, --all and --since exclude each other");
  }
  const { envName } = environment;
  if (version !== undefined) return [version];
  if (all) return nonEmpty(await keptVersions(session, environment), `"${envName}" has no version`);
  if (since !== undefined) {
    const active = await activatedSince(session, environment, since);
    const kept = (await keptVersions(session, environment, Math.min(...active))).filter((it) => active.has(it));
    return nonEmpty(kept, `nothing was activated in "${envName}" after sequence ${since}`);
  }
  const { activeVersion } = await session.client.organizations.getEnvironment(environment);
  if (activeVersion !== undefined) return [activeVersion];
  throw new SignetError("not_found", `nothing is active in "${envName}": pass --version or --all`);
}

/** Newest first, from `lowest` on. */
async function keptVersions(session: Session, environment: EnvironmentPath, lowest = 1): Promise<number[]> {
  const versions: number[] = [];
  for (let before: number | undefined; ;) {
    const page = before === undefined ? {} : { beforeVersion: before };
    const { bundles } = await session.client.bundles.listBundles({ ...environment, limit: PAGE, ...page });
    versions.push(...bundles.map(({ version }) => version).filter((version) => version >= lowest));
    before = bundles.at(-1)?.version;
    // A page may be shorter than its limit.
    if (before === undefined || before <= lowest || versions.length > MAX_EXPORT_VERSIONS) return versions;
  }
}

async function activatedSince(session: Session, environment: EnvironmentPath, since: number): Promise<Set<number>> {
  const versions = new Set<number>();
  for (let offset = 0; ;) {
    const { data, total } = await session.client.bundles.listDeployments({ ...environment, limit: 100, offset });
    for (const { sequence, version } of data) if (sequence > since) versions.add(version);
    offset += data.length;
    const isLast = data.length === 0 || offset >= total || data.some(({ sequence }) => sequence <= since);
    if (isLast || versions.size > MAX_EXPORT_VERSIONS) return versions;
  }
}

function nonEmpty(versions: readonly number[], otherwise: string): readonly number[] {
  if (versions.length > 0) return versions;
  throw new SignetError("not_found", otherwise);
}
