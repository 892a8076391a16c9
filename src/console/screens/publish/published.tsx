import type { Bundle } from "../../../../gen/signet/v1/bundle_pb.js";
import { links, type ProjectAt } from "../../data/links.js";
import { LinkButton } from "../../elements/button.js";
import { Icon } from "../../elements/icon.js";
import { formatSide } from "../compare/side.js";

interface PublishedProps {
  readonly at: ProjectAt;
  readonly env: string;
  readonly bundle: Bundle;
  readonly isActivated: boolean;
}

/** What was just made, and where to go from there. */
export function Published({ at, env, bundle: { version }, isActivated }: PublishedProps) {
  return (
    <div class="note note-good" role="status">
      <Icon name="check" />
      <div class="note-text">
        <p class="note-title">
          Version {version} was published to {env}
          {isActivated ? " and is active." : ". It is kept, and not active."}
        </p>
        <div class="row">
          <LinkButton size="small" href={links.version(at, env, version)}>
            Open v{version}
          </LinkButton>
          {isActivated ? (
            <LinkButton size="small" href={links.project(at)}>
              Watch it arrive
            </LinkButton>
          ) : (
            <LinkButton size="small" href={links.project(at, { activate: formatSide({ env, version }) })}>
              Activate…
            </LinkButton>
          )}
        </div>
      </div>
    </div>
  );
}
