import type { SignetClient } from "../../src/sdk/index.js";
import type { Where } from "./work.js";

/** The project that a new server has. */
export async function findProject(client: SignetClient): Promise<Where> {
  const { orgId } = await client.tokens.whoAmI({});
  const { projects } = await client.organizations.listProjects({ orgId });
  const [project] = projects;
  if (project === undefined) throw new Error("no project");
  return { orgId, projectId: project.id };
}
