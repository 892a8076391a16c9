import type { Agent } from "../../agent/agent.js";
import { formatTable } from "../shell/table.js";
import type { Shell } from "../shell/shell.js";
import { verdictOf, type Verdict } from "./agent-verdict.js";

/** One update of every environment; the exit code is that of the first one that failed. */
export async function updateOnce(shell: Shell, agent: Agent, waitSeconds: number): Promise<void> {
  const deadline = AbortSignal.timeout(waitSeconds * 1000);
  const { signal } = shell.io;
  answerVerdicts(
    shell,
    await Promise.all(agent.environments.map((environment) => verdictOf(environment, deadline, signal))),
  );
}

/** Writes what became of each environment, and sets the exit code. */
export function answerVerdicts(shell: Shell, verdicts: readonly Verdict[]): void {
  if (shell.io.signal.aborted) return;
  shell.answer(
    () =>
      JSON.stringify({
        environments: verdicts.map(({ environment, exitCode, sequence, version, problem }) => ({
          ...{ environment, ok: exitCode === 0, sequence, version, problem: problem === "" ? null : problem },
        })),
      }),
    () =>
      formatTable(
        verdicts,
        [
          ["ENVIRONMENT", ({ environment }) => environment],
          ["OK", ({ exitCode }) => exitCode === 0],
          ["SEQUENCE", ({ sequence }) => sequence],
          ["VERSION", ({ version }) => version],
          ["PROBLEM", ({ problem }) => problem],
        ],
        shell.tableStyle,
      ),
  );
  shell.exitCode = verdicts.find(({ exitCode }) => exitCode !== 0)?.exitCode ?? 0;
}
