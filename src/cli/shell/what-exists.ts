import { defined } from "../../core/defined.js";
import { SignetError, type SignetClient } from "../../sdk/index.js";
import type { EnvironmentPath } from "./environment-path.js";

/** Versions that an error names. */
const NAMED_VERSIONS = 5;

/**
 * The error of a call about an environment, with what there is instead of what was not found: the environments of the project, or the
 * newest versions. Any other error is returned unchanged. Asks the server, after a failure only, so that success costs no extra call.
 */
export async function withWhatExists(
  thrown: unknown,
  client: SignetClient,
  environment: EnvironmentPath,
): Promise<unknown> {
  if (!(thrown instanceof SignetError) || thrown.code !== "not_found") return thrown;
  const message = await messageOf(thrown, client, environment).catch(() => undefined);
  if (message === undefined) return thrown;
  return new SignetError("not_found", message, { cause: thrown, ...defined({ requestId: thrown.requestId }) });
}

async function messageOf(
  { message }: SignetError,
  client: SignetClient,
  { orgId, projectId, envName }: EnvironmentPath,
): Promise<string | undefined> {
  const { environments } = await client.organizations.listEnvironments({ orgId, projectId });
  const names = environments.map(({ name }) => name);
  if (names.length === 0) return undefined;
  if (!names.includes(envName)) return `environment "${envName}" not found; existing: ${names.join(", ")}`;
  if (!/^(bundle|version)\b.*\bnot found/.test(message)) return undefined;
  const { bundles } = await client.bundles.listBundles({ orgId, projectId, envName, limit: NAMED_VERSIONS });
  const versions = bundles.map(({ version }) => version);
  if (versions.length === 0) return `${message}; nothing was published to "${envName}" yet`;
  return `${message}; the newest of "${envName}": ${versions.join(", ")}`;
}
