import type { PipelineApp } from "../../../../gen/signet/v1/pipeline_pb.js";
import { links, type ProjectAt } from "../../data/links.js";
import { Menu } from "../../elements/menu.js";
import { Hash, Name, Status } from "../../elements/text.js";
import { Time } from "../../elements/time.js";
import { appName } from "./board.js";

interface AppCardProps {
  readonly at: ProjectAt;
  readonly app: PipelineApp;
  readonly canDrag: boolean;
  /** Why it cannot be promoted; undefined when it can. */
  readonly noPromotion: string | undefined;
  /** Why the caller does not edit the pipeline; undefined when it may. */
  readonly never: string | undefined;
  readonly onDrag: (appId: string | undefined) => void;
  readonly onPromote: () => void;
  readonly onRemove: () => void;
}

/** An environment of a stage: what is active in it, and whether it is what the stage before has. */
export function AppCard({ at, app, canDrag, noPromotion, never, onDrag, onPromote, onRemove }: AppCardProps) {
  const place = { org: at.org, project: app.project };
  const { activeVersion, environment } = app;
  return (
    <article
      class={canDrag ? "app-card lane-draggable" : "app-card"}
      draggable={canDrag}
      onDragStart={(event) => {
        event.dataTransfer?.setData("text/plain", appName(app));
        onDrag(app.appId);
      }}
      onDragEnd={() => onDrag(undefined)}
    >
      <header>
        <h3>
          <a href={links.project(place)} draggable={false}>
            <Name text={app.project} />
            <span class="muted">/</span>
            {environment}
          </a>
        </h3>
        <Menu
          label={`Actions for ${appName(app)}`}
          icon="more"
          items={[
            { label: "Promote…", icon: "right", disabledBecause: noPromotion, onSelect: onPromote },
            { label: "Take out of the stage…", icon: "cross", disabledBecause: never, onSelect: onRemove },
          ]}
        />
      </header>
      {activeVersion === undefined ? (
        <p class="muted">Nothing is active.</p>
      ) : (
        <>
          <p class="app-version">
            <a href={links.version(place, environment, activeVersion)} draggable={false}>
              v{activeVersion}
            </a>
            <Hash value={(app.policyHash ?? "").replace(/^sha256:/, "")} length={8} />
            <span class="muted">seq {app.sequence}</span>
          </p>
          <p class="app-since">
            {app.equalsPreviousStage === undefined ? null : app.equalsPreviousStage ? (
              <Status tone="good" text="As the stage before" />
            ) : (
              <Status tone="info" text="Differs from the stage before" icon="up" />
            )}
            <Time at={app.activeSince} short />
          </p>
        </>
      )}
    </article>
  );
}
