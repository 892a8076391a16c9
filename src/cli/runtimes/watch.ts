import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import type { Command } from "commander";
import { isUuid } from "../../core/uuid.js";
import {
  parseCachedActivation,
  SignetError,
  watchBundle,
  type BundleCache,
  type ExpectedIdentity,
} from "../../sdk/index.js";
import { EXIT_CODES } from "../shell/exit-codes.js";
import { watchCursor, wholeNumber } from "../shell/numbers.js";
import { Session } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { writeFileAtomically } from "../shell/text-files.js";
import { fetchKeys, followKeys } from "../shell/trusted-keys.js";
import { WatchSink, type SinkOptions } from "./watch-sink.js";

interface Options extends GlobalOptions, SinkOptions {
  readonly after?: ReturnType<typeof watchCursor>;
  readonly keys?: string;
  readonly cache?: string;
  readonly maxAge?: number;
}

const HELP = `
Needs a runtime token. Every document is verified before anything is done with it, against --keys or, without them, against the
keys that the server names, whose fingerprints are printed. The file is read again when it changes. What is pushed stands on standard output, a line each, with --json a
JSON object each; what happens to the connection stands on standard error. Latency is the time from the activation to now, by the
clocks of two machines. No signature covers the sequence, the version and the kind: see signet verify. With --count, the exit code is 8 when one of the pushes was not good.`;

/** `signet watch`: follows the active bundle of the token's environment. */
export function addWatch(program: Command, shell: Shell): void {
  program
    .command("watch")
    .description("follow the active bundle: print, verify and report every push")
    .option("--count <n>", "end after so many pushes", wholeNumber(1))
    .option("--after <cursor>", "the activation that you have: <sequence>, or <sequence>.<deployment_id>", watchCursor)
    .option("--keys <file>", "PEM public keys to trust; without it, those that the server names")
    .option("--cache <file>", "keep the last good bundle there, and start from it")
    .option(
      "--max-age <seconds>",
      "refuse a bundle from the cache that the server confirmed longer ago",
      wholeNumber(1),
    )
    .option("--out <file>", "write each verified document there, in one step")
    .option("--instance <id>", "the name in the fleet view", `cli-${hostname()}`.slice(0, 128))
    .option("--no-report", "do not report to the fleet view")
    .addHelpText("after", HELP)
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      using session = Session.open(shell, command);
      const keys = await (options.keys === undefined
        ? fetchKeys(session, "bundles", shell)
        : followKeys(options.keys, shell));
      const sink = new WatchSink(shell, session.client, options);
      const events = watchBundle(session.client, {
        keys,
        expect: await expectation(session, options, shell),
        instanceId: options.instance,
        signal: shell.io.signal,
        ...(options.after === undefined
          ? {}
          : { afterSequence: options.after.sequence, afterDeploymentId: options.after.deploymentId }),
        ...(options.maxAge === undefined ? {} : { maxAgeMs: options.maxAge * 1000 }),
        ...(options.cache === undefined ? {} : { cache: createFileCache(options.cache) }),
      });
      try {
        for await (const event of events) {
          await sink.take(event);
          if (sink.isFull) break;
        }
      } catch (thrown) {
        throw withTokenHint(thrown);
      }
      await sink.settled();
      if (sink.isFull) shell.exitCode = sink.rejected === 0 ? EXIT_CODES.ok : EXIT_CODES.notVerified;
    });
}

/** An admin token, which is the one at hand, may not watch. */
function withTokenHint(thrown: unknown): unknown {
  if (!(thrown instanceof SignetError) || thrown.code !== "forbidden") return thrown;
  const { message, requestId } = thrown;
  const hint = "watch needs a runtime token: signet token create --runtime --env <env>";
  return new SignetError("forbidden", `${message}; ${hint}`, {
    cause: thrown,
    reason: thrown.reason,
    ...(requestId === undefined ? {} : { requestId }),
  });
}

/**
 * Whose bundle it has to be: what the options say, and for the rest what the server says of the token. With keys of its own a watch
 * starts while the server is away; then the options alone count.
 */
async function expectation(session: Session, options: Options, shell: Shell): Promise<ExpectedIdentity> {
  const named = {
    ...(options.org !== undefined && isUuid(options.org) ? { orgId: options.org } : {}),
    ...(options.project !== undefined && isUuid(options.project) ? { projectId: options.project } : {}),
    ...(options.env === undefined ? {} : { environment: options.env }),
  };
  if (Object.keys(named).length === 3) return named;
  try {
    const { orgId, projectId, environment } = await session.whoAmI();
    return {
      orgId,
      ...(projectId === undefined ? {} : { projectId }),
      ...(environment === undefined ? {} : { environment }),
      ...named,
    };
  } catch (thrown) {
    const isAway = thrown instanceof SignetError && (thrown.code === "unavailable" || thrown.code === "timeout");
    if (!isAway || options.cache === undefined) throw thrown;
    shell.notice(
      `the server is away (${thrown.message}): the identity is checked against --org, --project and --env only`,
    );
    return named;
  }
}

/** A bundle cache in one file, which only its owner can read. What it holds is verified again by whoever loads it. */
function createFileCache(file: string): BundleCache {
  return {
    async load() {
      try {
        return parseCachedActivation(await readFile(file, "utf8"));
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return null;
        throw thrown;
      }
    },
    store: (activation) => writeFileAtomically(file, `${JSON.stringify(activation)}\n`, 0o600),
  };
}
