import type { AgentEnvironment } from "../../agent/agent-environment.js";
import { waitFor } from "../../core/schedule/wait.js";
import { EXIT_CODES, exitCodeOf } from "../shell/exit-codes.js";

/** What became of one environment, for a command that ends. */
export interface Verdict {
  readonly environment: string;
  readonly exitCode: number;
  /** Of what is verified; null when nothing is. */
  readonly sequence: number | null;
  readonly version: number | null;
  /** For a person; empty when all is well. */
  readonly problem: string;
}

/** Waits for the server's answer about an environment, and, where there are outputs, until they have what is current. */
export async function verdictOf(
  environment: AgentEnvironment,
  deadline: AbortSignal,
  stopped: AbortSignal,
): Promise<Verdict> {
  const { source, follower, answered, config } = environment;
  const of = (exitCode: number, problem: string): Verdict => {
    const { current } = source;
    return {
      environment: config.label,
      ...{ exitCode, problem, sequence: current?.sequence ?? null, version: current?.version ?? null },
    };
  };
  const isInTime = async (work: Promise<unknown>) =>
    await waitFor(work, Infinity, [deadline, stopped]).catch(() => false);
  const isAnswered = await isInTime(answered);
  const error = isAnswered ? await answered : null;
  if (follower !== null && source.current !== null) {
    const isSettled = () => {
      const { state, sequence } = follower.status;
      return (state === "applied" || state === "rejected") && sequence === source.current?.sequence;
    };
    while (!isSettled()) {
      if (!(await isInTime(follower.next()))) break;
    }
    const { status } = follower;
    if (!isSettled()) return of(EXIT_CODES.notApplied, "the outputs were not written in time");
    if (status.state === "rejected") return of(EXIT_CODES.notApplied, status.reason);
  }
  if (!isAnswered) {
    const why = source.status.error?.message ?? "no answer in time";
    return of(
      EXIT_CODES.unavailable,
      `${why}${source.current === null ? "" : "; what was verified before is in place"}`,
    );
  }
  if (error !== null) return of(exitCodeOf(error), error.message);
  if (source.current !== null) return of(EXIT_CODES.ok, "");
  const { state } = source.status;
  if (state === "expired" || state === "revoked") return of(EXIT_CODES.notVerified, `what is active is ${state}`);
  return of(EXIT_CODES.notFound, "nothing is active");
}
