import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import type { Command } from "commander";
import { defined } from "../../core/defined.js";
import { isUuid } from "../../core/uuid.js";
import {
  parseCachedActivation,
  SignetError,
  watchBundle,
  type BundleCache,
  type ExpectedIdentity,
} from "../../sdk/index.js";
import { UsageError } from "../shell/cli-error.js";
import { EXIT_CODES } from "../shell/exit-codes.js";
import { examples } from "../shell/help.js";
import { watchCursor, wholeNumber } from "../shell/numbers.js";
import { Session } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { writeFileAtomically } from "../shell/text-files.js";
import { fetchKeys, followKeys } from "../shell/trusted-keys.js";
import { watchByRoot } from "./watch-root.js";
import { WatchSink, type SinkOptions } from "./watch-sink.js";

interface Options extends GlobalOptions, SinkOptions {
  readonly after?: ReturnType<typeof watchCursor>;
  readonly keys?: string;
  readonly root?: string;
  readonly state?: string;
  readonly cache?: string;
  readonly maxAge?: number;
}

const HELP = `
Needs a runtime token. Every document is verified before it is used: with the keys of --keys, which are read again when the file
changes, or else with the keys that the server lists, whose fingerprints are printed. Pushes are written to standard output, one line
each, with --json one JSON object each; connection events are written to standard error. Latency is the time since the activation, by
the clocks of two machines. Sequence, version and kind are not signed: see signet verify. With --count, exit code 8 means that a
push was rejected.

With --root every push is proven by the root document of the project (signet trust): that it is the newest one, by whom it was written
where the root asks for authors, and until when; --state keeps what was proven, so that nothing older is taken after a restart. It follows
by gRPC, Connect, server-sent events or polls, whichever the way to the server lets through. --out gets the content alone.
`;

/** `signet watch`: follows the active bundle of the token's environment, verifies it and reports to the fleet view. */
export function addWatch(program: Command, shell: Shell): void {
  program
    .command("watch")
    .description("follow the active bundle: verify, print and report every push")
    .option("--count <n>", "exit after this many pushes", wholeNumber(1))
    .option("--after <cursor>", "start after this activation: <sequence>, or <sequence>.<deployment_id>", watchCursor)
    .option("--keys <file>", "trusted public keys (PEM); default: the keys that the server lists")
    .option("--root <file>", "root document of the project, instead of --keys")
    .option("--state <directory>", "with --root: keep what was proven in this directory, and start from it")
    .option("--cache <file>", "keep the last verified bundle in this file, and start from it")
    .option("--max-age <seconds>", "reject a cached bundle that the server confirmed longer ago", wholeNumber(1))
    .option("--out <file>", "write each verified document to this file, atomically")
    .option("--instance <id>", "name in the fleet view", `cli-${hostname()}`.slice(0, 128))
    .option("--no-report", "do not report to the fleet view")
    .addHelpText(
      "after",
      HELP +
        examples(
          "signet watch --keys keys.pem --cache bundle.cache --out bundle.json",
          "signet watch --root trust/root.json --state watched",
        ),
    )
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { root } = options;
      requireOneTrust(options);
      if (root !== undefined) return await watchByRoot(shell, command, { ...options, root });
      using session = Session.open(shell, command);
      const keys = await (options.keys === undefined
        ? fetchKeys(session, "bundles", shell)
        : followKeys(options.keys, shell));
      const sink = new WatchSink(shell, session.client, options, keys);
      const events = watchBundle(session.client, {
        keys,
        expect: await expectation(session, options, shell),
        instanceId: options.instance,
        signal: shell.io.signal,
        ...defined({
          afterSequence: options.after?.sequence,
          afterDeploymentId: options.after?.deploymentId,
          maxAgeMs: options.maxAge && options.maxAge * 1000,
          cache: options.cache === undefined ? undefined : createFileCache(options.cache),
        }),
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

/** Throws UsageError for options that do not go together. */
function requireOneTrust({ root, state, keys, cache, maxAge, after }: Options): void {
  if (root === undefined && state !== undefined) throw new UsageError("--state goes with --root; --cache with --keys");
  const others = { "--keys": keys, "--cache": cache, "--max-age": maxAge, "--after": after };
  const given = Object.entries(others).flatMap(([option, value]) => (value === undefined ? [] : [option]));
  if (root !== undefined && given.length > 0) throw new UsageError(`${given.join(", ")} cannot go with --root`);
}

/** Names the fix for a token of another type, for example the admin token of the data directory. */
function withTokenHint(thrown: unknown): unknown {
  if (!(thrown instanceof SignetError) || thrown.code !== "forbidden") return thrown;
  const { message, reason, requestId } = thrown;
  const hint = "watch needs a runtime token: signet token create --runtime --env <env>";
  return new SignetError("forbidden", `${message}; ${hint}`, { cause: thrown, reason, ...defined({ requestId }) });
}

/**
 * The identity that bundles must have: from the options, the rest from the token as the server describes it. With a cache the watch
 * starts while the server is unavailable; then only the options count.
 */
async function expectation(session: Session, options: Options, shell: Shell): Promise<ExpectedIdentity> {
  const named = defined({
    orgId: options.org !== undefined && isUuid(options.org) ? options.org : undefined,
    projectId: options.project !== undefined && isUuid(options.project) ? options.project : undefined,
    environment: options.env,
  });
  if (Object.keys(named).length === 3) return named;
  try {
    const { orgId, projectId, environment } = await session.whoAmI();
    return { orgId, ...defined({ projectId, environment }), ...named };
  } catch (thrown) {
    const isAway = thrown instanceof SignetError && (thrown.code === "unavailable" || thrown.code === "timeout");
    if (!isAway || options.cache === undefined) throw thrown;
    shell.notice(
      `the server is unavailable (${thrown.message}): the identity is checked against --org, --project and --env only`,
    );
    return named;
  }
}

/** A bundle cache in one file with mode 0600. The watch verifies again what it loads. */
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
