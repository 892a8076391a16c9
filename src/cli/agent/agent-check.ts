import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent, type AgentOptions } from "../../agent/agent.js";
import type { AgentConfig } from "../../agent/config/agent-config.js";
import { outputProblem } from "../../agent/outputs/output-problem.js";
import { EXIT_CODES } from "../shell/exit-codes.js";
import type { Shell } from "../shell/shell.js";
import { answerVerdicts } from "./agent-once.js";
import { verdictOf } from "./agent-verdict.js";

/**
 * Asks each server once with the token, verifies what it sends, and looks at the places of the outputs. Writes nothing, runs nothing and
 * reports nothing: it can be done beside an agent that runs.
 */
export async function checkAgent(
  shell: Shell,
  config: AgentConfig,
  options: AgentOptions,
  waitSeconds: number,
): Promise<void> {
  const state = await mkdtemp(join(tmpdir(), "signet-agent-check-"));
  try {
    const [first, ...others] = config.environments.map((one) => ({ ...one, outputs: [], check: null, run: null }));
    if (first === undefined) return;
    await using agent = await Agent.start({ ...config, state, serve: null, environments: [first, ...others] }, options);
    const deadline = AbortSignal.timeout(waitSeconds * 1000);
    const verdicts = await Promise.all(
      agent.environments.map(async (environment, index) => {
        const verdict = await verdictOf(environment, deadline, shell.io.signal);
        if (verdict.exitCode !== EXIT_CODES.ok) return verdict;
        for (const rule of config.environments[index]?.outputs ?? []) {
          const problem = await outputProblem(rule);
          if (problem !== null) return { ...verdict, exitCode: EXIT_CODES.invalid, problem };
        }
        return verdict;
      }),
    );
    answerVerdicts(shell, verdicts);
  } finally {
    await rm(state, { recursive: true, force: true });
  }
}
