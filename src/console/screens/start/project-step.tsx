import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { Organization, Project } from "../../../../gen/signet/v1/organization_pb.js";
import { client } from "../../data/client.js";
import { links } from "../../data/links.js";
import { can } from "../../data/session.js";
import { loadTenancy } from "../../data/tenancy.js";
import { useAction } from "../../data/use-action.js";
import { Button } from "../../elements/button.js";
import { ErrorNote } from "../../elements/error-note.js";
import { NameField } from "../../elements/field.js";
import { Name } from "../../elements/text.js";

/** Projects that are offered here; a list of all is one link away. */
const SHOWN = 12;

interface ProjectStepProps {
  readonly organization: Organization;
  readonly projects: readonly Project[];
}

/** Chooses a project, or makes one. */
export function ProjectStep({ organization, projects }: ProjectStepProps) {
  const { route } = useLocation();
  const [name, setName] = useState("");
  const creation = useAction(async () => {
    const made = await client.organizations.createProject({
      orgId: organization.id,
      name: name.trim(),
      runtimeKeys: false,
    });
    await loadTenancy();
    route(links.start({ project: made.slug }));
  });
  return (
    <>
      <p>A project is one policy and its environments: dev, staging and prod, each promoting to the next.</p>
      {projects.length > 0 && (
        <ul class="start-choices" aria-label="Projects">
          {projects.slice(0, SHOWN).map((project) => (
            <li key={project.id}>
              <a href={links.start({ project: project.slug, step: "policy" })}>
                <Name text={project.name} />
              </a>
            </li>
          ))}
          {projects.length > SHOWN && (
            <li>
              <a href={links.organization(organization.slug)}>All projects</a>
            </li>
          )}
        </ul>
      )}
      {can("org:admin") ? (
        <form
          class="start-form"
          onSubmit={(event) => {
            event.preventDefault();
            void creation.run();
          }}
        >
          <NameField label="New project" value={name} onInput={setName} />
          <Button type="submit" kind={projects.length === 0 ? "primary" : "plain"} busy={creation.isRunning}>
            Create project
          </Button>
        </form>
      ) : (
        projects.length === 0 && <p>Your token sees no project. An admin token can create one.</p>
      )}
      {creation.error !== undefined && <ErrorNote error={creation.error} />}
    </>
  );
}
