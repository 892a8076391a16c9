import type { Metric, Sample } from "./exposition.js";

const STATES = ["waiting", "applying", "applied", "rejected"] as const;
const ACTIONS = ["check", "apply", "rollback"] as const;

/** What became of the files and commands of an environment, counted since the start of the process. */
export interface OutputsCounts {
  readonly state: (typeof STATES)[number];
  /** What the outputs have; null: unknown, or nothing. */
  readonly applied: { readonly sequence: number } | null;
  /** When they were last brought to an activation; null while they were not. */
  readonly appliedAt: Date | null;
  /** When a file was last replaced or a command last ended well; null before. */
  readonly changedAt: Date | null;
  readonly appliedCount: number;
  readonly rejectedCount: number;
  /** Commands that failed, by what they were run for. */
  readonly commandFailures: Readonly<Record<(typeof ACTIONS)[number], number>>;
}

/** The metrics of the outputs; an environment without outputs has no sample in them. */
export function outputMetrics(
  environments: readonly { readonly environment: string; readonly outputs: OutputsCounts | null }[],
): readonly Metric[] {
  const each = (samples: (outputs: OutputsCounts) => readonly Sample[]): readonly Sample[] =>
    environments.flatMap(({ environment, outputs }) =>
      outputs === null
        ? []
        : samples(outputs).map(({ labels, value }) => ({ labels: { environment, ...labels }, value })),
    );
  const metric = (
    type: Metric["type"],
    name: string,
    help: string,
    samples: (outputs: OutputsCounts) => readonly Sample[],
  ): Metric => ({ name: `signet_agent_outputs_${name}`, type, help, samples: each(samples) });
  const one = (value: number): readonly Sample[] => [{ labels: {}, value }];
  return [
    metric("gauge", "state", "1 for the state that the outputs are in.", ({ state }) =>
      STATES.map((name) => ({ labels: { state: name }, value: name === state ? 1 : 0 })),
    ),
    metric("gauge", "sequence", "The sequence that the outputs have; 0 while that is unknown.", ({ applied }) =>
      one(applied?.sequence ?? 0),
    ),
    metric(
      "gauge",
      "last_applied_seconds",
      "When the outputs were last found or brought to be as the activation has them; 0 before the first.",
      ({ appliedAt }) => one(secondsOf(appliedAt)),
    ),
    metric(
      "gauge",
      "last_change_seconds",
      "When files last changed or a command last succeeded; 0 before the first.",
      ({ changedAt }) => one(secondsOf(changedAt)),
    ),
    metric("counter", "applied_total", "Activations that were applied.", ({ appliedCount }) => one(appliedCount)),
    metric("counter", "rejected_total", "Activations that were rejected; a repeated attempt counts once.", (it) =>
      one(it.rejectedCount),
    ),
    metric("counter", "command_failures_total", "Commands that failed, by what they were run for.", (it) =>
      ACTIONS.map((action) => ({ labels: { action }, value: it.commandFailures[action] })),
    ),
  ];
}

function secondsOf(time: Date | null): number {
  return time === null ? 0 : time.getTime() / 1000;
}
