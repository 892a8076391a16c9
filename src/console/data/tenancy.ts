import { effect, signal, type ReadonlySignal } from "@preact/signals";
import type { Organization, Project } from "../../../gen/signet/v1/organization_pb.js";
import { toSignetError, type SignetError } from "../../sdk/signet-error.js";
import type { ProjectAt } from "./links.js";
import { reportRefusal, who } from "./session.js";
import { client } from "./client.js";
import { pace } from "./pace.js";
import { ticks } from "./topics.js";

/** The token's organization and the projects that it sees, newest first. */
export interface Tenancy {
  readonly organization: Organization;
  readonly projects: readonly Project[];
}

const value = signal<Tenancy | undefined>(undefined);
const failure = signal<SignetError | undefined>(undefined);

/** What the signed-in token sees; undefined until it is known, and when nobody is signed in. */
export const tenancy: ReadonlySignal<Tenancy | undefined> = value;

/** Why it could not be read the last time. */
export const tenancyError: ReadonlySignal<SignetError | undefined> = failure;

let round = 0;

/** Reads it again, for example after a project was created. */
export async function loadTenancy(): Promise<void> {
  const orgId = who.peek()?.orgId;
  round += 1;
  const mine = round;
  if (orgId === undefined) {
    value.value = undefined;
    return;
  }
  try {
    const [organization, { projects }] = await Promise.all([
      client.organizations.getOrganization({ orgId }),
      client.organizations.listProjects({ orgId }),
    ]);
    if (mine !== round) return;
    value.value = { organization, projects };
    failure.value = undefined;
  } catch (thrown) {
    if (mine !== round) return;
    failure.value = toSignetError(thrown);
    void reportRefusal(failure.value);
  }
}

/** Changes of projects and environments have it read again at most this often, in milliseconds. */
const REFRESH_MS = 1_000;

/** Reads it at each sign-in and after changes of projects and environments. */
export function startTenancy(): void {
  const again = pace(() => void loadTenancy(), REFRESH_MS);
  effect(() => {
    // What it depends on.
    void who.value?.id;
    void loadTenancy();
  });
  effect(() => {
    if (ticks.environments.value > 0) again.ask();
  });
}

/** The name of the organization of a URL; what the URL says while it is not known, and of those that the token does not see. */
export function organizationName(org: string): string {
  const organization = tenancy.value?.organization;
  return organization !== undefined && [organization.slug, organization.id].includes(org) ? organization.name : org;
}

/** The project of a URL, as the token sees it; undefined when it is not known or not there. */
export function projectOf({ project }: Pick<ProjectAt, "project">): Project | undefined {
  return tenancy.value?.projects.find(({ slug, id }) => slug === project || id === project);
}
