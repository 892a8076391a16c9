import type { Bundle } from "../../../../../gen/signet/v1/bundle_pb.js";
import type { ProjectAt } from "../../../data/links.js";
import { Icon } from "../../../elements/icon.js";
import { Status } from "../../../elements/text.js";
import { Rollout } from "./rollout.js";

interface MadeProps {
  readonly at: ProjectAt;
  readonly environment: string;
  readonly bundle: Bundle;
}

/** What a change has made, its warnings, and how far the runtimes are with it. */
export function Made({ at, environment, bundle }: MadeProps) {
  const isSkipped = bundle.change?.skipped === true;
  return (
    <div class="stack">
      <p role="status">
        {isSkipped ? (
          <Status
            tone="neutral"
            text={`Nothing was made: version ${bundle.version} of ${environment} has this content.`}
          />
        ) : (
          <Status
            tone="good"
            text={`Version ${bundle.version} is active in ${environment}, sequence ${bundle.sequence ?? ""}.`}
          />
        )}
      </p>
      {bundle.warnings.map((warning) => (
        <p key={warning} class="note note-warn">
          <Icon name="warning" />
          <bdi class="note-text">{warning}</bdi>
        </p>
      ))}
      {bundle.sequence !== undefined && <Rollout at={at} environment={environment} sequence={bundle.sequence} />}
    </div>
  );
}
