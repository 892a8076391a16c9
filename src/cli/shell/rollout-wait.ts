import type { Command } from "commander";
import { line } from "../../core/printable.js";
import { sleep } from "../../core/schedule/wait.js";
import { formatMessage, SignetError, type GetRolloutResponse } from "../../sdk/index.js";
import { UsageError } from "./cli-error.js";
import { EXIT_CODES } from "./exit-codes.js";
import { duration } from "./numbers.js";
import type { EnvironmentPath, Session } from "./session.js";
import type { Shell } from "./shell.js";
import { formatTable, formatTime } from "./table.js";

/** Between two requests. */
const ASK_AGAIN_MS = 1_000;

/** How long to wait unless told otherwise, in seconds. */
export const DEFAULT_WAIT_SECONDS = 300;

/** Laggards that are listed. */
const SHOWN_LAGGARDS = 100;

/** The options of {@link withWait}. */
export interface WaitOptions {
  readonly wait?: true;
  /** Seconds. */
  readonly waitTimeout?: number;
}

/** The end of the help of commands with {@link withWait}. */
export const WAIT_HELP = `
--wait ends with exit code 0 when every live instance applied what is active, and with 9 when one rejected it or the time is over: see
signet rollout status.
`;

/** Adds `--wait` and `--wait-timeout` to a command that changes what is active. */
export function withWait(command: Command): Command {
  return command
    .option("--wait", "wait until every live runtime instance applied it")
    .option("--wait-timeout <time>", "how long to wait, for example 90s or 5m (default: 5m)", duration(1, 86_400));
}

/** What a change made active. */
interface Activated {
  readonly shell: Shell;
  readonly session: Session;
  readonly environment: EnvironmentPath;
  /** Of the activation; undefined when there was none. */
  readonly sequence: number | undefined;
}

/** Waits for the rollout of a change when `--wait` asks for it, and answers with its outcome. Throws as {@link answerRollout}. */
export async function waitIfAsked(
  { shell, session, environment, sequence }: Activated,
  options: WaitOptions,
): Promise<void> {
  if (options.wait !== true) return;
  const timeoutSeconds = options.waitTimeout ?? DEFAULT_WAIT_SECONDS;
  await answerRollout(shell, session, environment, {
    atLeast: 0,
    timeoutSeconds,
    ...(sequence === undefined ? {} : { sequence }),
  });
}

/** Throws UsageError for `--wait-timeout` without `--wait`, and for `--wait` of a change that `activates` nothing. */
export function checkWait({ wait, waitTimeout }: WaitOptions, activates: boolean): void {
  if (wait !== true && waitTimeout !== undefined) throw new UsageError("--wait-timeout needs --wait");
  if (wait === true && !activates) throw new UsageError("--wait needs an activation to wait for");
}

/** What to wait for. */
export interface RolloutGoal {
  /** The activation that the caller means; what is active when undefined. */
  readonly sequence?: number;
  /** How many live instances must have applied it at least. */
  readonly atLeast: number;
  /** 0 asks once. */
  readonly timeoutSeconds: number;
}

/**
 * Asks until every live instance applied what is active, one rejected it and the others do not move any more, or the time is over; says
 * which, and sets the exit code: 0, or `notApplied`. A newer activation meanwhile is followed, and said. Throws SignetError `not_found`
 * when nothing is active, and the last error when the server did not answer to the end.
 */
export async function answerRollout(
  shell: Shell,
  session: Session,
  environment: EnvironmentPath,
  goal: RolloutGoal,
): Promise<void> {
  const { rollout, isOver } = await followRollout(shell, session, environment, goal);
  if (!isReached(rollout, goal)) shell.exitCode = EXIT_CODES.notApplied;
  shell.answer(
    () => formatMessage(rollout),
    () => textOf(shell, environment.envName, rollout, goal, isOver),
  );
}

async function followRollout(shell: Shell, session: Session, environment: EnvironmentPath, goal: RolloutGoal) {
  const { signal } = shell.io;
  const endMs = performance.now() + goal.timeoutSeconds * 1000;
  const isOver = () => performance.now() >= endMs || signal.aborted;
  let followed = goal.sequence;
  let before = "";
  for (;;) {
    const rollout = await ask(session, environment, shell, isOver);
    if (rollout !== null) {
      const { activeSequence: active = 0 } = rollout;
      if (followed !== undefined && active > followed) {
        shell.notice(line`sequence ${active} took the place of ${followed}: following it`);
      }
      followed = active;
      const now = progressOf(environment.envName, rollout);
      const isStill = now === before;
      if (isReached(rollout, goal) || (rollout.rejected > 0 && (isStill || rollout.behind + rollout.unknown === 0))) {
        return { rollout, isOver: false };
      }
      if (isOver()) return { rollout, isOver: goal.timeoutSeconds > 0 };
      if (!isStill) shell.progress(now);
      before = now;
    }
    await sleep(Math.min(ASK_AGAIN_MS, Math.max(0, endMs - performance.now())), signal);
  }
}

/** Null when the server did not answer and there is time to ask again. */
async function ask(
  session: Session,
  environment: EnvironmentPath,
  shell: Shell,
  isOver: () => boolean,
): Promise<GetRolloutResponse | null> {
  try {
    const rollout = await session.client.runtimes.getRollout({ ...environment, limit: SHOWN_LAGGARDS });
    if (rollout.activeSequence !== undefined) return rollout;
    throw new SignetError("not_found", `nothing is active in "${environment.envName}"`);
  } catch (thrown) {
    const isPassing =
      thrown instanceof SignetError && ["unavailable", "timeout", "rate_limited"].includes(thrown.code) && !isOver();
    if (!isPassing) throw thrown;
    shell.progress(`${thrown.message}; asking again`);
    return null;
  }
}

function isReached({ complete, applied }: GetRolloutResponse, { atLeast }: RolloutGoal): boolean {
  return complete && applied >= atLeast;
}

/** Not the times: two of the same rollout are the same while no instance moves. */
function progressOf(envName: string, { activeSequence = 0, version = 0, ...counts }: GetRolloutResponse): string {
  const { live, applied, behind, rejected, unknown } = counts;
  const others = Object.entries({ behind, rejected, unknown })
    .filter(([, count]) => count > 0)
    .map(([state, count]) => `, ${count} ${state}`);
  const instances = live === 1 ? "instance" : "instances";
  const what = `${envName}: sequence ${activeSequence} (version ${version})`;
  if (live === 0) return `${what}: no live instance`;
  return `${what}: applied by ${applied} of ${live} live ${instances}${others.join("")}`;
}

function textOf(
  shell: Shell,
  envName: string,
  rollout: GetRolloutResponse,
  { atLeast, timeoutSeconds }: RolloutGoal,
  isOver: boolean,
): string {
  const wanted = rollout.applied < atLeast ? `; at least ${atLeast} wanted` : "";
  const time = isOver ? `; gave up after ${timeoutSeconds} s` : "";
  const said = line`${progressOf(envName, rollout)}${wanted}${time}\n`;
  if (rollout.laggards.length === 0) return said;
  const left = rollout.behind + rollout.rejected + rollout.unknown - rollout.laggards.length;
  const table = formatTable(
    rollout.laggards,
    [
      ["INSTANCE", ({ instanceId }) => instanceId],
      ["ROLLOUT", (row) => row.rollout],
      ["SEQUENCE", ({ appliedSequence }) => appliedSequence],
      ["VERSION", ({ appliedVersion }) => appliedVersion],
      ["CONNECTED", ({ connected }) => connected],
      ["LAST SEEN", ({ lastSeen }) => formatTime(lastSeen)],
      ["TOKEN", ({ keyName, keyPrefix }) => keyName ?? keyPrefix],
      ["REASON", ({ reason }) => reason],
    ],
    shell.tableStyle,
  );
  const more = line`and ${left} more: signet runtimes --env ${envName} --live\n`;
  return said + table + (left > 0 ? more : "");
}
