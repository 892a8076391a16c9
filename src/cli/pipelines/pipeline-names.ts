import { isUuid } from "../../core/uuid.js";
import { SignetError, type Pipeline } from "../../sdk/index.js";
import { UsageError } from "../shell/cli-error.js";
import type { Session } from "../shell/session.js";

/** Help for the argument of {@link findPipelineId}. */
export const PIPELINE = "UUID or name of the pipeline";

/** Help for the argument of {@link findStageId}. */
export const STAGE = "UUID, name or order of the stage";

/** Help for the argument of {@link findAppId}. */
export const APP = "UUID, project/environment, or an environment of --project";

const PAGE = 100;

/** The UUID of a pipeline, by UUID or name. Throws SignetError `not_found`, and UsageError when several have the name. */
export async function findPipelineId({ client }: Session, wanted: string): Promise<string> {
  if (isUuid(wanted)) return wanted;
  const found: string[] = [];
  for (let offset = 0; ; offset += PAGE) {
    const { data, total } = await client.pipelines.listPipelines({ limit: PAGE, offset });
    found.push(...data.filter(({ displayName }) => displayName === wanted).map(({ id }) => id));
    if (data.length === 0 || offset + PAGE >= total) break;
  }
  if (found.length > 1) throw new UsageError(`more than one pipeline is called "${wanted}": use its UUID`);
  const [id] = found;
  if (id === undefined) throw new SignetError("not_found", `pipeline "${wanted}" not found`);
  return id;
}

/** The UUID of an app, which is an environment: by UUID, `project/environment`, or name in `--project`. */
export async function findAppId(session: Session, wanted: string): Promise<string> {
  if (isUuid(wanted)) return wanted;
  const slash = wanted.lastIndexOf("/");
  const projectId = await session.projectId(...(slash < 0 ? [] : [wanted.slice(0, slash)]));
  const request = { orgId: await session.orgId(), projectId, envName: wanted.slice(slash + 1) };
  return (await session.client.organizations.getEnvironment(request)).id;
}

/** The UUID of a stage, by UUID, name or order. Throws SignetError `not_found`, and UsageError when several have the name. */
export function findStageId(pipeline: Pipeline, wanted: string): string {
  if (isUuid(wanted)) return wanted;
  const named = pipeline.stages.filter(({ displayName, order }) => displayName === wanted || String(order) === wanted);
  if (named.length > 1) throw new UsageError(`more than one stage is called "${wanted}": use its UUID`);
  const [stage] = named;
  if (stage !== undefined) return stage.id;
  const names = pipeline.stages.map(({ displayName }) => displayName).join(", ");
  throw new SignetError("not_found", `stage "${wanted}" not found; existing: ${names}`);
}
