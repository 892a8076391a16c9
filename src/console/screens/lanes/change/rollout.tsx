import { useEffect } from "preact/hooks";
import type { RuntimeInstance } from "../../../../../gen/signet/v1/runtime_pb.js";
import { announce } from "../../../data/announce.js";
import { client } from "../../../data/client.js";
import { links, type ProjectAt } from "../../../data/links.js";
import { useCall } from "../../../data/use-call.js";
import { FleetBar } from "../../../elements/fleet-bar.js";
import { Loaded } from "../../../elements/states.js";
import { Name, Status } from "../../../elements/text.js";
import { Time } from "../../../elements/time.js";
import { rolloutWords } from "../words.js";

/** While a rollout is not complete it is asked for so often, in milliseconds, whatever the stream tells. */
const ASK_MS = 2_000;

/** Laggards that are listed. */
const LAGGARDS = 8;

interface RolloutProps {
  readonly at: ProjectAt;
  readonly environment: string;
  /** The activation that is followed. */
  readonly sequence: number;
}

/** How many live runtimes applied an activation, followed until all have; and those that have not, with why. */
export function Rollout({ at, environment, sequence }: RolloutProps) {
  const request = { orgId: at.org, projectId: at.project, envName: environment, sequence, limit: LAGGARDS };
  const call = useCall(
    (signal) => client.runtimes.getRollout(request, { signal }),
    [at.org, at.project, environment, sequence],
    {
      refreshOn: ["fleet", "activations"],
    },
  );
  const { value, reload } = call;
  const words = value === undefined ? "" : rolloutWords(value);
  const isDone = value !== undefined && (value.complete || value.superseded);
  useEffect(() => {
    if (words !== "") announce(`${environment}: ${words}`);
  }, [words]);
  useEffect(() => {
    if (isDone) return;
    const timer = setInterval(reload, ASK_MS);
    return () => clearInterval(timer);
  }, [isDone]);
  return (
    <Loaded call={call} lines={2}>
      {(rollout) => (
        <section class="stack change-rollout" aria-label={`Rollout in ${environment}`}>
          {rollout.superseded && (
            <p>
              <Status
                tone="warn"
                text={`A newer activation took its place: version ${rollout.version ?? "?"} is active now.`}
              />
            </p>
          )}
          <p>
            <Status
              tone={rollout.rejected > 0 ? "bad" : rollout.live === 0 ? "neutral" : rollout.complete ? "good" : "info"}
              text={words}
            />
          </p>
          <FleetBar counts={rollout} />
          {rollout.laggards.length > 0 && (
            <ul class="change-laggards" aria-label="Runtimes that have not applied it">
              {rollout.laggards.map((instance) => (
                <Laggard key={instance.instanceId} instance={instance} />
              ))}
            </ul>
          )}
          <p>
            <a href={links.fleet(at, { env: environment })}>The fleet of {environment}</a>
          </p>
        </section>
      )}
    </Loaded>
  );
}

function Laggard({ instance }: { readonly instance: RuntimeInstance }) {
  const { instanceId, rollout, reason, behindBy, lastSeen } = instance;
  const words =
    rollout === "rejected" ? "rejected it" : behindBy === undefined ? "has not reported" : `${behindBy} behind`;
  return (
    <li>
      <Status tone={rollout === "rejected" ? "bad" : "warn"} text={words} />
      <Name text={instanceId} />
      {rollout === "rejected" && reason !== undefined && <Name text={reason} />}
      <span class="muted">
        seen <Time at={lastSeen} />
      </span>
    </li>
  );
}
