import type { ComponentChildren } from "preact";
import { links, type ProjectAt } from "../../data/links.js";
import { LinkButton } from "../../elements/button.js";
import { Icon } from "../../elements/icon.js";
import { Skeleton } from "../../elements/states.js";
import { Actor, Hash, Name, Tag } from "../../elements/text.js";
import { Time } from "../../elements/time.js";
import { LaneFleet } from "./lane-fleet.js";
import { LaneHistory } from "./lane-history.js";
import type { Lane } from "./lane.js";
import { activeDeployment } from "./standing.js";
import { kindWords } from "./words.js";

/** Labels that a lane shows before it only counts them. */
const LABELS = 3;

interface LaneCardProps {
  readonly at: ProjectAt;
  readonly lane: Lane;
  readonly menu: ComponentChildren;
  /** Whether the active bundle can be dragged to the next lane. */
  readonly canDrag: boolean;
  readonly onDragStart: (event: DragEvent) => void;
  readonly onDragEnd: () => void;
}

/** An environment: what is active, since when and by whom, who runs it, and what was active before. */
export function LaneCard({ at, lane, menu, canDrag, onDragStart, onDragEnd }: LaneCardProps) {
  const { environment } = lane;
  const id = `lane-${environment.name}`;
  return (
    <article class="lane-card" aria-labelledby={id}>
      <header class="lane-head">
        <h2 id={id}>{environment.name}</h2>
        {environment.protected && (
          <span class="lane-mark" title="Protected: it cannot be deleted">
            <Icon name="shield" />
            <span class="visually-hidden">Protected</span>
          </span>
        )}
        <span class="lane-sequence" title="Sequence: the number of its newest activation">
          {environment.sequence === 0 ? "" : `seq ${environment.sequence}`}
        </span>
        {menu}
      </header>
      <div class="lane-now">
        {environment.activeVersion === undefined ? (
          <LaneEmpty at={at} lane={lane} />
        ) : (
          <div
            class={canDrag ? "lane-bundle lane-draggable" : "lane-bundle"}
            draggable={canDrag}
            onDragStart={onDragStart}
            onDragEnd={onDragEnd}
          >
            <LaneBundle at={at} lane={lane} />
          </div>
        )}
        {environment.hold !== undefined && <LaneHold lane={lane} />}
      </div>
      <LaneFleet at={at} lane={lane} />
      <LaneHistory at={at} lane={lane} />
    </article>
  );
}

function LaneBundle({ at, lane }: { readonly at: ProjectAt; readonly lane: Lane }) {
  const { environment, bundle, isLoaded } = lane;
  const deployment = activeDeployment(lane);
  const version = environment.activeVersion ?? 0;
  const title = deployment?.title ?? bundle?.title ?? "";
  const labels = Object.entries(bundle?.labels ?? {});
  return (
    <>
      <p class="lane-version">
        <a href={links.version(at, environment.name, version)} draggable={false}>
          <span class="visually-hidden">Version </span>
          <span class="lane-v" aria-hidden="true">
            v
          </span>
          {version}
        </a>
        {deployment !== undefined && <Hash value={deployment.policyHash.replace(/^sha256:/, "")} length={10} />}
      </p>
      {!isLoaded && <Skeleton lines={3} />}
      {title !== "" && (
        <p class="lane-title">
          <Name text={title} />
        </p>
      )}
      {labels.length > 0 && (
        <ul class="lane-labels" aria-label="Labels">
          {labels.slice(0, LABELS).map(([key, value]) => (
            <li key={key}>
              <Tag>
                <bdi>{key}</bdi>=<bdi>{value}</bdi>
              </Tag>
            </li>
          ))}
          {labels.length > LABELS && <li class="muted">+{labels.length - LABELS}</li>}
        </ul>
      )}
      {deployment !== undefined && (
        <p class="lane-who">
          <Icon name={deployment.kind === "rollback" ? "back" : "user"} />
          <span>
            {kindWords(deployment)} by <Actor performedBy={deployment.performedBy} actor={deployment.actor} />
            {", "}
            <Time at={deployment.at} />
          </span>
        </p>
      )}
      {deployment?.reason !== undefined && (
        <blockquote class="lane-reason">
          <Name text={deployment.reason} />
        </blockquote>
      )}
    </>
  );
}

function LaneHold({ lane }: { readonly lane: Lane }) {
  const { hold } = lane.environment;
  if (hold === undefined) return null;
  // A rollback that holds has one reason for both, and it stands above.
  const reason = hold.reason === activeDeployment(lane)?.reason ? undefined : hold.reason;
  return (
    <p class="lane-hold">
      <Icon name="lock" />
      <span>
        <strong>Held</strong> by <Name text={hold.byName ?? hold.by} /> since <Time at={hold.since} />
        {reason !== undefined && (
          <>
            {": "}
            <Name text={reason} />
          </>
        )}
      </span>
    </p>
  );
}

function LaneEmpty({ at, lane: { environment, sources } }: { readonly at: ProjectAt; readonly lane: Lane }) {
  return (
    <div class="lane-empty">
      <p>Nothing is active.</p>
      {sources === 0 ? (
        <>
          <p class="muted">Publish a policy here, and the runtimes of {environment.name} get it.</p>
          <LinkButton href={links.publish(at, environment.name)} size="small" icon="plus">
            Publish
          </LinkButton>
        </>
      ) : (
        <p class="muted">Promote to it, or publish here.</p>
      )}
    </div>
  );
}
