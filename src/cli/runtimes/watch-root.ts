import type { Command } from "commander";
import { line } from "../../core/printable.js";
import { sleep } from "../../core/schedule/wait.js";
import { SignetError, type CurrentPolicies, type Refusal, type Runtime, type RuntimeStatus } from "../../sdk/index.js";
import { openRuntime } from "../../sdk/runtime/node/node-runtime.js";
import { FINAL_ERRORS } from "../../sdk/signet-error.js";
import { VERSION } from "../../assets/version.js";
import { UsageError } from "../shell/cli-error.js";
import { readClientTls } from "../shell/client-tls.js";
import { findToken } from "../shell/credentials.js";
import { EXIT_CODES } from "../shell/exit-codes.js";
import { serverUrl, Session } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { writeFileAtomically } from "../shell/text-files.js";
import { readSignedRoot } from "../trust/trust-directory.js";

/** The options of `signet watch --root`. */
export interface WatchRootOptions extends GlobalOptions {
  readonly root: string;
  readonly state?: string;
  readonly count?: number;
  readonly out?: string;
  readonly instance: string;
  readonly report: boolean;
}

/** How often the state of the runtime is looked at. */
const LOOK_MS = 250;

/** Follows what is active as a runtime of the SDK does, by a root document, and prints what is proven, by whom and until when. */
export async function watchByRoot(shell: Shell, command: Command, options: WatchRootOptions): Promise<void> {
  const pinned = await readSignedRoot(options.root, shell.io);
  const { orgId, projectId } = pinned.root;
  for (const [option, given, own] of [
    ["--org", options.org, orgId],
    ["--project", options.project, projectId],
  ] as const) {
    if (given !== undefined && given !== own) throw new UsageError(`the root is of ${own}, not ${option} ${given}`);
  }
  const environment = options.env ?? (await ownEnvironment(shell, command));
  const url = serverUrl(options);
  const { state, instance, report: reports } = options;
  await using runtime = await openRuntime({
    ...{ url, token: findToken(shell, url).token, trust: { root: pinned.envelope } },
    identity: { orgId, projectId, environment },
    ...{ instanceId: instance, agent: `signet-cli/${VERSION}`, reports, tls: readClientTls(options) },
    ...(state !== undefined && { cache: state }),
  });
  const sink = new ProofSink(shell, options);
  if (runtime.current !== null) await sink.take(runtime.current, "cache");
  await follow(shell, runtime, sink, options.count);
  if (sink.pushes === options.count) shell.exitCode = sink.refused === 0 ? EXIT_CODES.ok : EXIT_CODES.notVerified;
}

async function ownEnvironment(shell: Shell, command: Command): Promise<string> {
  using session = Session.open(shell, command);
  const { environment } = await session.whoAmI();
  if (environment !== undefined) return environment;
  throw new SignetError("forbidden", "watch needs a runtime token: signet token create --runtime --env <env>");
}

/** Until interrupted, or until `count` pushes came. */
async function follow(shell: Shell, runtime: Runtime, sink: ProofSink, count: number | undefined): Promise<void> {
  const { signal } = shell.io;
  const arrived: CurrentPolicies[] = [];
  const stop = runtime.on("update", (current) => arrived.push(current));
  try {
    while (!signal.aborted && sink.pushes !== count) {
      for (const current of arrived.splice(0)) {
        await sink.take(current, "server");
        if (sink.pushes === count) return;
      }
      sink.look(runtime.status);
      if (sink.pushes === count) return;
      await sleep(LOOK_MS, signal);
    }
  } finally {
    stop();
  }
}

/** Writes what a runtime proves. */
class ProofSink {
  /** What came from the server: taken or refused. */
  pushes = 0;
  refused = 0;
  private refusal: Refusal | null = null;
  private shown = "";

  constructor(
    private readonly shell: Shell,
    private readonly options: Pick<WatchRootOptions, "out">,
  ) {}

  /** Another activation. Rejects when it cannot be written. */
  async take(current: CurrentPolicies, from: "server" | "cache"): Promise<void> {
    if (this.options.out !== undefined) await writeFileAtomically(this.options.out, current.content);
    if (from === "server") this.pushes += 1;
    const { sequence, version, kind, hash, deploymentId, activatedAt, provenUntil, release } = current;
    const latencyMs = Date.now() - activatedAt.getTime();
    const until = timeOf(provenUntil);
    this.shell.answer(
      () =>
        JSON.stringify({
          ...{ event: "activation", from, sequence, version, kind, policy_hash: hash, deployment_id: deploymentId },
          ...{ activated_at: activatedAt.toISOString(), latency_ms: latencyMs, verified: true, proven_until: until },
          release: release && {
            number: release.number,
            authors: release.authors,
            expires_at: release.expiresAt && timeOf(release.expiresAt),
          },
        }),
      () => {
        const facts = line`sequence=${sequence} version=${version} kind=${kind} hash=${hash} latency=${latencyMs}ms`;
        const by = release === null ? "" : line` release=${release.number} authors=${release.authors.join(",")}`;
        return `${facts}${by} ${line`proven until=${until}`}${from === "cache" ? " (from the cache)" : ""}\n`;
      },
    );
  }

  /** What changed besides. Throws SignetError when the server refuses the watch for good. */
  look({ state, transport, error, provenUntil, refusal, cacheError }: RuntimeStatus): void {
    if (error?.isFromServer === true && FINAL_ERRORS.has(error.code)) throw error;
    if (refusal !== null && refusal !== this.refusal) this.refuse(refusal);
    this.refusal = refusal;
    const connection = transport === null ? "not connected" : `connected by ${transport}`;
    const until = state === "fresh" || state === "stale" ? "" : lastProof(provenUntil);
    const why = error === null ? "" : `: ${error.message}`;
    const cause = cacheError instanceof Error ? cacheError.message : "unknown";
    const cache = cacheError == null ? "" : `; what was proven cannot be kept: ${cause}`;
    const text = `${state}${until}, ${connection}${why}${cache}`;
    if (text === this.shown) return;
    this.shown = text;
    this.shell.notice(text);
  }

  private refuse({ code, message, sequence }: Refusal): void {
    this.pushes += 1;
    this.refused += 1;
    this.shell.answer(
      () => JSON.stringify({ event: "rejected", from: "server", sequence, verified: false, reason: code, message }),
      () => `${line`sequence=${sequence} REJECTED ${code}: ${message}`}\n`,
    );
  }
}

function lastProof(until: Date | null): string {
  return until === null ? "" : ` since ${timeOf(until)}`;
}

function timeOf(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
