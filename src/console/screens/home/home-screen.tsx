import { useLocation } from "preact-iso/router";
import { useEffect } from "preact/hooks";
import { tenancy, tenancyError } from "../../data/tenancy.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Skeleton } from "../../elements/states.js";
import { links } from "../../data/links.js";

/** Leads to the only project, to the list of projects, or to the first publish. */
export function HomeScreen() {
  const { route } = useLocation();
  const known = tenancy.value;
  useEffect(() => {
    if (known === undefined) return;
    const { organization, projects } = known;
    const [only, second] = projects;
    if (only === undefined) route(links.start(), true);
    else if (second === undefined) route(links.project({ org: organization.slug, project: only.slug }), true);
    else route(links.organization(organization.slug), true);
  }, [known]);
  return tenancyError.value === undefined ? <Skeleton lines={6} /> : <ErrorNote error={tenancyError.value} />;
}
