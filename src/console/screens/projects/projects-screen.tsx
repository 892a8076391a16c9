import { useRoute } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { Project } from "../../../../gen/signet/v1/organization_pb.js";
import { can } from "../../data/session.js";
import { loadTenancy, tenancy, tenancyError } from "../../data/tenancy.js";
import { Button } from "../../elements/button.js";
import { ErrorNote } from "../../elements/error-note.js";
import { SearchBox } from "../../elements/search-box.js";
import { Empty, Skeleton } from "../../elements/states.js";
import { useQuery } from "../../elements/use-query.js";
import { Page } from "../../shell/page.js";
import { CreateProject } from "./create-project.js";
import { DeleteProject } from "./delete-project.js";
import { ProjectCard } from "./project-card.js";

/** More cards than anybody looks through: the search finds the others. */
const MAX_CARDS = 200;

/** The home of an organization: its projects, each with what is active in its environments. */
export function ProjectsScreen() {
  const { params } = useRoute();
  const org = params["org"] ?? "";
  const known = tenancy.value;
  const error = tenancyError.value;
  if (known === undefined) {
    return (
      <Page title="Projects">
        {error === undefined ? <Skeleton /> : <ErrorNote error={error} retry={() => void loadTenancy()} />}
      </Page>
    );
  }
  const { organization, projects } = known;
  if (org !== organization.slug && org !== organization.id) {
    return (
      <Page title="Projects">
        <Empty
          title="Your token does not see this organization"
          text="What is inside of an organization is seen by its own tokens alone."
        />
      </Page>
    );
  }
  return <Projects org={organization.slug} name={organization.name} projects={projects} />;
}

interface ProjectsProps {
  readonly org: string;
  readonly name: string;
  readonly projects: readonly Project[];
}

function Projects({ org, name, projects }: ProjectsProps) {
  const [query, set] = useQuery();
  const [isCreating, setCreating] = useState(false);
  const [deleted, setDeleted] = useState<Project | undefined>();
  const isAdmin = can("org:admin");
  const wanted = (query["q"] ?? "").toLowerCase();
  const found = projects.filter(
    (project) => project.name.toLowerCase().includes(wanted) || project.slug.includes(wanted),
  );
  return (
    <Page
      title="Projects"
      crumbs={[{ label: name }]}
      actions={
        isAdmin && (
          <Button kind="primary" icon="plus" onClick={() => setCreating(true)}>
            New project
          </Button>
        )
      }
    >
      {projects.length > 0 && (
        <search class="filters">
          <SearchBox label="Search projects" value={query["q"] ?? ""} placeholder="Name" onChange={(q) => set({ q })} />
          <p class="muted" role="status">
            {found.length > MAX_CARDS
              ? `${MAX_CARDS} of ${found.length} shown`
              : `${found.length} of ${projects.length}`}
          </p>
        </search>
      )}
      {projects.length === 0 && (
        <Empty
          title="No projects yet"
          text="A project has a chain of environments, through which its policies are promoted."
          command="signet projects create shop"
        />
      )}
      {projects.length > 0 && found.length === 0 && <Empty title="No project has this name" />}
      <ul class="project-cards">
        {found.slice(0, MAX_CARDS).map((project) => (
          <ProjectCard
            key={project.id}
            at={{ org, project: project.slug }}
            project={project}
            onDelete={isAdmin ? () => setDeleted(project) : undefined}
          />
        ))}
      </ul>
      {isCreating && <CreateProject org={org} onClose={() => setCreating(false)} />}
      {deleted !== undefined && <DeleteProject project={deleted} onClose={() => setDeleted(undefined)} />}
    </Page>
  );
}
