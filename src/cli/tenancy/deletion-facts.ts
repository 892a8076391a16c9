import { SignetError, type Environment, type Project, type SignetClient } from "../../sdk/index.js";
import { countingTotal } from "../shell/answers.js";
import { formatTime, type Fact } from "../shell/table.js";

/** How many environments of a project are looked at one by one. */
const MAX_ENVIRONMENTS = 20;

/** What is in an environment. */
interface Contents {
  readonly versions: number;
  /** Runtimes. */
  readonly seen: number;
  readonly live: number;
}

interface ProjectPath {
  readonly orgId: string;
  readonly projectId: string;
}

/** What goes with an environment: its active version, kept versions, runtimes and tokens. */
export async function environmentFacts(
  client: SignetClient,
  path: ProjectPath,
  environment: Environment,
): Promise<readonly Fact[]> {
  const contents = await contentsOf(client, path, environment);
  const { tokens } = await client.tokens.listTokens({ ...path, keyType: "runtime" });
  const live = tokens.filter(({ environmentId, isActive }) => isActive && environmentId === environment.id);
  return [["active version", shownActive(environment)], ...contentFacts([contents]), ["runtime tokens", live.length]];
}

/** What goes with a project: its environments with what is in them, and its tokens. */
export async function projectFacts(client: SignetClient, orgId: string, project: Project): Promise<readonly Fact[]> {
  const { id: projectId, environments } = project;
  const path = { orgId, projectId };
  const counting = countingTotal();
  const { tokens } = await client.tokens.listTokens({ ...path, limit: 1000 }, counting);
  const active = tokens.filter(({ isActive }) => isActive).length;
  const shown = environments.slice(0, MAX_ENVIRONMENTS);
  const contents = await Promise.all(shown.map((environment) => contentsOf(client, path, environment)));
  const others = environments.length - shown.length;
  return [
    ["environments", environments.length],
    ...shown.map((environment): Fact => [`active in ${environment.name}`, shownActive(environment)]),
    ...contentFacts(contents, others > 0 ? `, and those of ${others} more environments` : ""),
    ["tokens", active],
  ];
}

/**
 * What goes with an organization, as far as the operator sees it: what is inside of another organization is hidden. Throws SignetError
 * `not_found`.
 */
export async function organizationFacts(client: SignetClient, wanted: string): Promise<readonly Fact[]> {
  for (let offset = 0; ; offset += PAGE) {
    const { data, total } = await client.organizations.listOrganizations({ limit: PAGE, offset });
    const found = data.find(({ id, slug, name }) => [id, slug, name].includes(wanted));
    if (found !== undefined) {
      return [
        ["name", found.name],
        ["slug", found.slug],
        ["plan", found.plan],
        ["created", formatTime(found.createdAt)],
        ["projects, webhooks, tokens", "all of them"],
      ];
    }
    if (offset + PAGE >= total) throw new SignetError("not_found", `organization "${wanted}" not found`);
  }
}

const PAGE = 100;

function shownActive({ activeVersion, sequence, hold }: Environment): string {
  if (activeVersion === undefined) return "none";
  return `${activeVersion} (sequence ${sequence})${hold === undefined ? "" : ", held"}`;
}

function contentFacts(contents: readonly Contents[], others = ""): readonly Fact[] {
  const sum = (count: (one: Contents) => number) => contents.reduce((total, one) => total + count(one), 0);
  return [
    ["versions kept", `${sum(({ versions }) => versions)}${others}`],
    ["runtimes", `${sum(({ seen }) => seen)} seen, ${sum(({ live }) => live)} live${others}`],
  ];
}

async function contentsOf(client: SignetClient, path: ProjectPath, { name }: Environment): Promise<Contents> {
  const counting = countingTotal();
  await client.bundles.listBundles({ ...path, envName: name, limit: 1 }, counting);
  const instances = { ...path, environment: name, limit: 1 };
  const seen = await client.runtimes.listFleet(instances);
  const live = await client.runtimes.listFleet({ ...instances, live: true });
  return { versions: counting.total() ?? 0, seen: seen.total, live: live.total };
}
