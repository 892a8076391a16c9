import type { Environment, Project } from "../../../../gen/signet/v1/organization_pb.js";
import { links, type ProjectAt } from "../../data/links.js";
import { Icon } from "../../elements/icon.js";
import { Menu } from "../../elements/menu.js";
import { Name } from "../../elements/text.js";
import { Time } from "../../elements/time.js";

/** Lanes in the small picture; the project's own page has all. */
const MAX_LANES = 12;

interface ProjectCardProps {
  readonly at: ProjectAt;
  readonly project: Project;
  /** Undefined for those who may not. */
  readonly onDelete: (() => void) | undefined;
}

/** A project with a small picture of its lanes: what is active where. */
export function ProjectCard({ at, project, onDelete }: ProjectCardProps) {
  const { name, slug, environments, createdAt } = project;
  const others = environments.length - MAX_LANES;
  return (
    <li class="card project-card">
      <div class="project-card-head">
        <h2>
          <a href={links.project(at)}>
            <Name text={name} />
          </a>
        </h2>
        <Menu
          label={`Actions for ${name}`}
          icon="more"
          items={[
            { label: "Versions", href: links.versions(at) },
            { label: "Fleet", href: links.fleet(at) },
            { label: "Settings", href: links.settings(at) },
            ...(onDelete === undefined
              ? []
              : [{ label: "Delete…", icon: "trash" as const, isDanger: true, onSelect: onDelete }]),
          ]}
        />
      </div>
      {environments.length === 0 ? (
        <p class="muted">No environments</p>
      ) : (
        <ol class="lane-strip" aria-label={`Environments of ${name}`}>
          {environments.slice(0, MAX_LANES).map((environment) => (
            <LaneChip key={environment.id} environment={environment} />
          ))}
          {others > 0 && <li class="muted">and {others} more</li>}
        </ol>
      )}
      <p class="muted project-card-foot">
        <code>{slug}</code> · created <Time at={createdAt} />
      </p>
    </li>
  );
}

function LaneChip({ environment }: { readonly environment: Environment }) {
  const { name, activeVersion, hold, promotesTo } = environment;
  return (
    <li class="lane-chip">
      <span class="lane-chip-box">
        <span class="lane-chip-name">{name}</span>
        <span class={activeVersion === undefined ? "muted" : "lane-chip-version"}>
          {activeVersion === undefined ? "nothing active" : `v${activeVersion}`}
        </span>
        {hold !== undefined && (
          <span class="lane-chip-held">
            <Icon name="pin" />
            held
          </span>
        )}
      </span>
      {promotesTo !== undefined && (
        <span class="lane-chip-next">
          <Icon name="right" />
          <span class="visually-hidden">promotes to {promotesTo}</span>
        </span>
      )}
    </li>
  );
}
