import type { TestServer } from "../support/server.js";
import type { TestProject } from "./project.js";

/** A pipeline with dev of a test's project in its first stage, and staging and prod in its second. */
export interface TestPipeline {
  readonly id: string;
  readonly stageIds: readonly string[];
  readonly sourceAppId: string;
  readonly targetAppIds: readonly string[];
}

export async function createTestPipeline({ admin }: TestServer, project: TestProject): Promise<TestPipeline> {
  const { projectId, environmentId } = project;
  const { id, stages } = await admin.pipelines.createPipeline({ displayName: "p", type: "trunk", projectId });
  const [first = "", second = ""] = stages.map((stage) => stage.id);
  await admin.pipelines.addPipelineApp({ id, stageId: first, appId: environmentId.dev });
  for (const appId of [environmentId.staging, environmentId.prod]) {
    await admin.pipelines.addPipelineApp({ id, stageId: second, appId });
  }
  const targetAppIds = [environmentId.staging, environmentId.prod];
  return { id, stageIds: [first, second], sourceAppId: environmentId.dev, targetAppIds };
}
