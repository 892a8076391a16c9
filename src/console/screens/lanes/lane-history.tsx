import { links, type ProjectAt } from "../../data/links.js";
import { Icon, type IconName } from "../../elements/icon.js";
import { Actor } from "../../elements/text.js";
import { Time } from "../../elements/time.js";
import type { Lane } from "./lane.js";
import { kindWords } from "./words.js";

/** Activations before the active one that are shown. */
const SHOWN = 4;

const ICONS: Readonly<Record<string, IconName>> = {
  publish: "upload",
  activate: "pin",
  promote: "right",
  rollback: "back",
  import: "download",
};

/** What was active before, the newest first. */
export function LaneHistory({ at, lane: { environment, history } }: { readonly at: ProjectAt; readonly lane: Lane }) {
  const earlier = history.filter(({ sequence }) => sequence < environment.sequence).slice(0, SHOWN);
  if (earlier.length === 0) return null;
  return (
    <section class="lane-earlier" aria-label={`Earlier in ${environment.name}`}>
      <h3>Earlier</h3>
      <ol>
        {earlier.map((deployment) => (
          <li key={deployment.id}>
            <span class="lane-kind" title={kindWords(deployment)}>
              <Icon name={ICONS[deployment.kind] ?? "dot"} />
              <span class="visually-hidden">{kindWords(deployment)}</span>
            </span>
            <a href={links.version(at, environment.name, deployment.version)}>v{deployment.version}</a>
            <Actor performedBy={deployment.performedBy} actor={deployment.actor} />
            <Time at={deployment.at} short />
          </li>
        ))}
      </ol>
      <a class="lane-more" href={links.deployments(at, { env: environment.name })}>
        All deployments<span class="visually-hidden"> of {environment.name}</span>
      </a>
    </section>
  );
}
