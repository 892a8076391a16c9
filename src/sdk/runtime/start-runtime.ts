import { MAX_CONTENT_BYTES } from "../../bundle/trust/forms.js";
import { pinnedRoot, type Root } from "../../bundle/trust/root.js";
import { verifyPinnedRoot } from "../../bundle/trust/verify-objects.js";
import { check } from "../../bundle/verify-arguments.js";
import { DEFAULT_BACKOFF, type BackoffOptions } from "../backoff.js";
import { createStatusReporter } from "../status-reporter.js";
import { FollowedRuntime } from "./followed-runtime.js";
import { Keeper } from "./keeper.js";
import { OutcomeReports } from "./outcome-reports.js";
import { Ladder, unknownPath } from "./ways/ladder.js";
import type { Platform } from "./platform.js";
import { checkRuntimeOptions, pinnedKeys, type RuntimeOptions } from "./runtime-options.js";
import type { Runtime, TransportName } from "./runtime.js";
import { waysOf } from "./ways/rungs.js";

/** What was refused is asked for again ever more seldom: it is sent whole each time. */
const REFUSAL_BACKOFF: BackoffOptions = { baseMs: 10_000, maxMs: 300_000, random: Math.random };

/**
 * Opens a runtime on a platform: verifies the pinned root, starts from the cache, and follows the server from then on.
 *
 * @param known the ways to follow that the platform has
 * @throws TypeError for invalid options, TrustError for a root that is damaged or of another project
 */
export async function startRuntime(
  options: RuntimeOptions,
  platform: Platform,
  known: readonly TransportName[],
): Promise<Runtime> {
  checkRuntimeOptions(options, known);
  const { trust, identity, cache, now = () => new Date(), maxContentBytes = MAX_CONTENT_BYTES } = options;
  const { verifier, sha256Hex } = platform;
  const root = await trustedRoot(options, platform);
  const keeper = await Keeper.open(root, { identity, verifier, sha256Hex, cache, maxBytes: maxContentBytes, now });
  const connection = platform.connect();
  const stop = new AbortController();
  const { rungs, reportBy } = waysOf(options, connection);
  const ways = rungs.map(({ name }) => name).join();
  const memory = connection.paths.get(ways) ?? unknownPath();
  connection.paths.set(ways, memory);
  const ladder = new Ladder(rungs, {
    backoff: options.backoff ?? DEFAULT_BACKOFF,
    refusalBackoff: options.refusalBackoff ?? REFUSAL_BACKOFF,
    firstMs: options.firstMessageMs ?? 4_000,
    climbMs: options.climbMs ?? 5 * 60_000,
    memory,
  });
  const { instanceId, agent, labels, reports = true } = options;
  const about = {
    instanceId,
    signal: stop.signal,
    ...(agent === undefined ? {} : { agent }),
    ...(labels && { labels }),
  };
  const client = reportBy(() => memory.works);
  const keys = "keys" in trust ? { keys: pinnedKeys(trust.keys) } : {};
  const reporter = reports === false ? null : createStatusReporter(client, { ...about, ...keys });
  return new FollowedRuntime({
    ...{ keeper, ladder, stop, now },
    reports: new OutcomeReports(reporter, reports === true),
    closes: { expired: options.onExpired === "close", revoked: options.onRevoked !== "serve" },
    disconnect: () => connection[Symbol.dispose](),
  });
}

async function trustedRoot({ trust, identity }: RuntimeOptions, { verifier }: Platform): Promise<Root> {
  if ("keys" in trust) return pinnedRoot(pinnedKeys(trust.keys));
  check(trust.root.trim() !== "", "trust.root", "the text of a root document");
  return await verifyPinnedRoot(trust.root, identity, verifier);
}
