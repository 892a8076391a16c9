import { readAsset } from "../../assets/assets.js";
import { SignetError, type Bundle, type SignetClient } from "../../sdk/index.js";
import { yamlToJson } from "../../yaml/yaml-json.js";
import { startWatcher, type Watcher } from "./watcher.js";

const ACTOR = "quickstart";

/** The identifiers of a project's calls. */
interface ProjectPath {
  readonly orgId: string;
  readonly projectId: string;
}

/** What the demonstration has of its process. */
export interface Stage {
  /** Gets what happens, line by line. */
  readonly say: (text: string) => void;
  /** Ends the demonstration. */
  readonly signal: AbortSignal;
  /** Options of Node for the runtime's process; undefined for none. */
  readonly nodeOptions: string | undefined;
}

/**
 * Publishes, promotes to prod and rolls back, while a runtime in another process watches prod and verifies each push. Rejects when a
 * push is refused, and when `signal` aborts; the runtime is gone then.
 *
 * @returns the runtime, which goes on watching until it is disposed of: its process ends, and its token is revoked
 */
export async function demonstrate(
  client: SignetClient,
  url: string,
  { say, signal, nodeOptions }: Stage,
): Promise<AsyncDisposable> {
  const { orgId } = await client.tokens.whoAmI({});
  const { projects } = await client.organizations.listProjects({ orgId });
  const project = projects.find(({ slug }) => slug === "default");
  const prod = project?.environments.find(({ name }) => name === "prod");
  if (project === undefined || prod === undefined) {
    throw new SignetError("not_found", "the data directory has no project called default with an environment prod");
  }
  const base = { orgId, projectId: project.id };

  say("\n2. Runtime: another process, which watches prod over gRPC and verifies each push");
  const name = `quickstart ${new Date().toISOString()}`;
  const token = await client.tokens.createRuntimeToken({ ...base, environmentId: prod.id, name, expiresInDays: 1 });
  const { keys } = await client.bundles.listKeys({});
  const publicKeys = keys.filter(({ purpose }) => purpose === "bundles").map(({ publicKeyPem }) => publicKeyPem);
  const watcher = await startWatcher(
    { url, token: token.rawKey ?? "", keysPem: publicKeys.join(""), nodeOptions },
    signal,
  );
  const runtime = {
    async [Symbol.asyncDispose]() {
      await watcher[Symbol.asyncDispose]();
      // Not before: revoking the token ends its stream.
      await client.tokens.revokeToken({ orgId, keyId: token.id });
    },
  };
  try {
    say(`   signet watch --keys signet.pub, process ${watcher.pid}`);
    say("\n3. Publish to dev, promote to staging and prod, roll prod back");
    await lifecycle(client, base, watcher, say);
    const report = await client.audit.verifyAudit({ orgId });
    const outcome = report.valid ? "holds" : `is broken at event ${report.firstBroken}`;
    say(`\n4. Audit: ${report.checked} events, the chain ${outcome}`);
  } catch (thrown) {
    await watcher[Symbol.asyncDispose]();
    throw thrown;
  }
  say("\nThe runtime goes on watching prod: what you promote there arrives at it.");
  return runtime;
}

async function lifecycle(
  client: SignetClient,
  base: ProjectPath,
  watcher: Watcher,
  say: (text: string) => void,
): Promise<void> {
  const publish = (policies: string, title: string) =>
    client.bundles.publishBundle({ ...base, envName: "dev", policies, title, publishedBy: ACTOR });
  const promote = (sourceEnv: string) => client.bundles.promoteBundle({ ...base, sourceEnv, promotedBy: ACTOR });
  const done = (what: string, environment: string, { version }: Bundle) =>
    say(`   ${what.padEnd(24)} ${environment} v${version}`);
  const arrives = async (what: string, bundle: Bundle) => {
    const { sequence = 0, version } = bundle;
    const push = await watcher.verified(sequence);
    const facts = `sequence ${String(sequence).padEnd(4)} verified by the runtime in ${push.latencyMs} ms`;
    say(`   ${what.padEnd(24)} ${`prod v${version}`.padEnd(10)} ${facts}`);
  };

  const guardrails = readAsset("guardrails.json").toString();
  const strict = yamlToJson(readAsset("guardrails-strict.yaml").toString());
  done("publish guardrails", "dev", await publish(guardrails, "Guardrails"));
  done("promote", "staging", await promote("dev"));
  const first = await promote("staging");
  await arrives("promote", first);
  done("publish stricter ones", "dev", await publish(strict, "Stricter guardrails"));
  done("promote", "staging", await promote("dev"));
  await arrives("promote", await promote("staging"));
  const { version } = first;
  await arrives("roll back", await client.bundles.activateBundle({ ...base, envName: "prod", version }));
}
