import { links, type ProjectAt } from "../../data/links.js";
import { LinkButton } from "../../elements/button.js";
import { Status } from "../../elements/text.js";
import type { Lane } from "../lanes/lane.js";
import { rolloutWords } from "../lanes/words.js";

interface PromoteStepProps {
  readonly at: ProjectAt;
  readonly lane: Lane;
  /** What the first environment promotes to. */
  readonly target: Lane | undefined;
}

/** The way on: to the next environment, with a preview, and to the lanes. */
export function PromoteStep({ at, lane, target }: PromoteStepProps) {
  const { name, activeVersion } = lane.environment;
  const isPromoted = target?.environment.activeVersion !== undefined;
  return (
    <>
      {activeVersion !== undefined && lane.rollout !== undefined && (
        <p>
          <Status
            tone={lane.rollout.applied > 0 ? "good" : "info"}
            text={`Version ${activeVersion} is active in ${name}. ${rolloutWords(lane.rollout)}.`}
          />
        </p>
      )}
      {target !== undefined && (
        <p>
          {isPromoted
            ? `${target.environment.name} is at version ${target.environment.activeVersion ?? ""}.`
            : `A promotion signs the same content for ${target.environment.name} and makes it active there. You see before what would differ.`}
        </p>
      )}
      <div class="row">
        {target !== undefined && !isPromoted && (
          <LinkButton kind="primary" href={links.project(at, { promote: name })}>
            Promote {name} to {target.environment.name}…
          </LinkButton>
        )}
        <LinkButton kind={target === undefined || isPromoted ? "primary" : "plain"} href={links.project(at)}>
          Go to the lanes
        </LinkButton>
      </div>
    </>
  );
}
