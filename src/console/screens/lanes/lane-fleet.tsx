import { links, type ProjectAt } from "../../data/links.js";
import { FleetBar } from "../../elements/fleet-bar.js";
import { Name, Status } from "../../elements/text.js";
import type { Lane } from "./lane.js";
import { shortRolloutWords } from "./words.js";

/** The live runtimes of an environment by what they applied, and the first one that refused it with its reason. */
export function LaneFleet({ at, lane: { environment, rollout } }: { readonly at: ProjectAt; readonly lane: Lane }) {
  if (rollout === undefined || environment.activeVersion === undefined) return <div class="lane-fleet" />;
  const { live, applied, rejected, complete, laggards } = rollout;
  const refused = laggards.find((instance) => instance.rollout === "rejected");
  const tone = rejected > 0 ? "bad" : complete ? "good" : "warn";
  return (
    <section
      class={complete ? "lane-fleet lane-complete" : "lane-fleet"}
      aria-label={`Runtimes of ${environment.name}`}
    >
      {live > 0 && (
        <a class="lane-rollout" href={links.fleet(at, { env: environment.name })}>
          <Status tone={tone} text={shortRolloutWords({ live, applied })} icon={complete ? "check" : "refresh"} />
        </a>
      )}
      <FleetBar counts={rollout} />
      {refused !== undefined && (
        <p class="lane-refused">
          <a href={links.fleet(at, { env: environment.name, state: "rejected" })}>
            <Name text={refused.instanceId} />
          </a>
          : <Name text={refused.reason ?? "rejected it"} />
        </p>
      )}
    </section>
  );
}
