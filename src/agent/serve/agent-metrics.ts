import type { RuntimeState } from "../../sdk/runtime/runtime.js";
import type { EnvironmentView } from "./environment-view.js";
import type { Metric, Sample } from "./exposition.js";
import { outputMetrics, type OutputsCounts } from "./output-metrics.js";
import type { ReaderSlots } from "./reader-slots.js";
import type { ReportRelay } from "./report-relay.js";

const STATES: readonly RuntimeState[] = ["fresh", "stale", "expired", "revoked", "empty"];

/** An environment, and what it counts. */
export interface CountedEnvironment {
  readonly view: EnvironmentView;
  readonly reports: Pick<ReportRelay, "counts">;
  /** Answers by what was asked for and status. */
  readonly requests: ReadonlyMap<string, number>;
  /** Decisions of OPAs' logs. */
  readonly decisions: number;
  /** Null where there is nothing to write and nothing to run. */
  readonly outputs: OutputsCounts | null;
}

/** The metrics of an agent. */
export function agentMetrics(
  environments: readonly CountedEnvironment[],
  slots: ReaderSlots,
  { version }: { readonly version: string },
): readonly Metric[] {
  const each = (samples: (it: CountedEnvironment) => readonly Sample[]): readonly Sample[] =>
    environments.flatMap((it) =>
      samples(it).map(({ labels, value }) => ({ labels: { environment: it.view.label, ...labels }, value })),
    );
  const one = (value: (it: CountedEnvironment) => number) => each((it) => [{ labels: {}, value: value(it) }]);
  const gauge = (name: string, help: string, samples: readonly Sample[]): Metric => {
    return { name: `signet_agent_${name}`, type: "gauge", help, samples };
  };
  const counter = (name: string, help: string, samples: readonly Sample[]): Metric => {
    return { name: `signet_agent_${name}_total`, type: "counter", help, samples };
  };
  const { rss } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return [
    gauge("info", "The agent.", [{ labels: { version }, value: 1 }]),
    gauge(
      "environment_state",
      "1 for the state that the environment is in.",
      each(({ view }) => {
        const { state } = view.source.status;
        return STATES.map((name) => ({ labels: { state: name }, value: name === state ? 1 : 0 }));
      }),
    ),
    gauge("environment_sequence", "The sequence that was verified last; 0 while nothing was.", one(sequenceOf)),
    gauge(
      "environment_serving",
      "Whether there is something to serve.",
      one(({ view }) => Number(view.pack !== null)),
    ),
    gauge("environment_connected", "Whether the agent is connected to its server.", one(connectedOf)),
    gauge("environment_from_disk", "Whether the server has not been reached since the start.", one(fromDiskOf)),
    gauge(
      "environment_proven_until_seconds",
      "When the proof runs out, in seconds since 1970; 0 without one.",
      one(({ view }) => secondsOf(view.source.status.provenUntil)),
    ),
    gauge(
      "environment_last_update_seconds",
      "When an activation was taken from the server last; 0 before the first.",
      one(({ view }) => secondsOf(view.source.status.lastUpdateAt)),
    ),
    ...outputMetrics(environments.map(({ view, outputs }) => ({ environment: view.label, outputs }))),
    counter(
      "connections",
      "Connections to the server.",
      one(({ view }) => view.source.status.connections),
    ),
    counter(
      "refusals",
      "Updates that were refused, by their code.",
      each(({ view }) => [...view.source.status.refusalsByCode].map(([code, value]) => ({ labels: { code }, value }))),
    ),
    counter(
      "requests",
      "Requests of local readers.",
      each(({ requests }) =>
        [...requests].map(([key, value]) => {
          const [what = "", status = ""] = key.split(" ");
          return { labels: { what, status }, value };
        }),
      ),
    ),
    counter(
      "answers_from_disk",
      "Answers of what was on the disk, while the server was not reached since the start.",
      one(({ view }) => view.answersFromDisk),
    ),
    counter(
      "reports",
      "Reports of local readers.",
      each(({ reports: { counts } }) =>
        (["forwarded", "unchanged", "dropped", "refused"] as const).map((outcome) => {
          return { labels: { outcome }, value: counts[outcome] };
        }),
      ),
    ),
    counter(
      "opa_decisions",
      "Decisions in the logs of local OPAs.",
      one(({ decisions }) => decisions),
    ),
    gauge("readers", "Local readers that are held.", [
      { labels: { kind: "watch" }, value: slots.held("watch") },
      { labels: { kind: "poll" }, value: slots.held("poll") },
    ]),
    counter("readers_refused", "Local readers for which there was no room.", [{ labels: {}, value: slots.refused }]),
    { name: "process_resident_memory_bytes", type: "gauge", help: "Memory.", samples: [{ labels: {}, value: rss }] },
    {
      name: "process_cpu_seconds_total",
      type: "counter",
      help: "Time of all processors.",
      samples: [{ labels: {}, value: (user + system) / 1e6 }],
    },
  ];
}

function sequenceOf({ view }: CountedEnvironment): number {
  return view.source.status.sequence ?? 0;
}

function connectedOf({ view }: CountedEnvironment): number {
  return Number(view.source.status.transport !== null);
}

function fromDiskOf({ view }: CountedEnvironment): number {
  return Number(view.source.status.isFromDisk);
}

function secondsOf(time: Date | null): number {
  return time === null ? 0 : time.getTime() / 1000;
}
