import type { SignetClient } from "../../src/sdk/index.js";

/** A pipeline with dev in its first stage and many environments of the same project in its second. */
export interface FanOut {
  readonly orgId: string;
  readonly projectId: string;
  readonly pipelineId: string;
  readonly sourceAppId: string;
  readonly targets: readonly { readonly appId: string; readonly name: string }[];
}

const PAGE = 1000;

/** Makes one with `count` targets, or finds the one that an earlier run made. */
export async function prepareFanOut(client: SignetClient, count: number): Promise<FanOut> {
  const { orgId } = await client.tokens.whoAmI({});
  const { projects } = await client.organizations.listProjects({ orgId });
  const projectId = projects[0]?.id ?? "";
  const { data } = await client.pipelines.listPipelines({});
  const id = data[0]?.id ?? (await makePipeline(client, orgId, projectId, count));
  const { environments } = await client.organizations.listEnvironments({ orgId, projectId, limit: PAGE });
  const appIdOf = (name: string) => environments.find((environment) => environment.name === name)?.id ?? "";
  const targets = targetNames(count).map((name) => ({ appId: appIdOf(name), name }));
  return { orgId, projectId, pipelineId: id, sourceAppId: appIdOf("dev"), targets };
}

/** Promotes to these targets, all of them by default. */
export async function promoteTo(client: SignetClient, fan: FanOut, targets = fan.targets, promotedBy = "test") {
  const { pipelineId: id, sourceAppId } = fan;
  const request = { id, sourceAppId, targetAppIds: targets.map(({ appId }) => appId), promotedBy };
  return (await client.pipelines.promotePipeline(request)).promotions;
}

function targetNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `target-${index}`);
}

async function makePipeline(client: SignetClient, orgId: string, projectId: string, count: number): Promise<string> {
  const { id, stages } = await client.pipelines.createPipeline({ displayName: "fan-out", type: "trunk" });
  const [first = "", second = ""] = stages.map((stage) => stage.id);
  const dev = await client.organizations.getEnvironment({ orgId, projectId, envName: "dev" });
  await client.pipelines.addPipelineApp({ id, stageId: first, appId: dev.id });
  for (const name of targetNames(count)) {
    const { id: appId } = await client.organizations.createEnvironment({ orgId, projectId, name });
    await client.pipelines.addPipelineApp({ id, stageId: second, appId });
  }
  return id;
}
