import { randomBytes } from "node:crypto";
import type { TestServer } from "../support/server.js";
import type { Place } from "./drivers/driver.js";

export const STAGES = ["dev", "staging", "prod"] as const;
export type Stage = (typeof STAGES)[number];

/** A project of a test's own on a server that tests may share. */
export interface TestProject {
  readonly projectId: string;
  readonly place: Readonly<Record<Stage, Place>>;
  readonly environmentId: Readonly<Record<Stage, string>>;
  readonly runtimeToken: Readonly<Record<Stage, string>>;
  /** The id of the runtime token of a stage. */
  runtimeTokenId(stage: Stage): Promise<number>;
  /** Publishes `{"n":<n>}` plus a filler that does not compress, over gRPC. Returns the sequence. */
  publish(stage: Stage, n: number, fillerLength?: number): Promise<number>;
}

export async function createTestProject(server: TestServer, name: string): Promise<TestProject> {
  const { admin, orgId } = server;
  const { id: projectId, environments, runtimeKeys } = await admin.organizations.createProject({ orgId, name });
  const perStage = <T>(valueOf: (stage: Stage) => T) =>
    Object.fromEntries(STAGES.map((stage) => [stage, valueOf(stage)])) as Record<Stage, T>;
  const place = perStage((envName) => ({ orgId, projectId, envName }));
  const environmentId = perStage((stage) => environments.find((environment) => environment.name === stage)?.id ?? "");
  return {
    projectId,
    place,
    environmentId,
    runtimeToken: perStage((stage) => runtimeKeys.find(({ envName }) => envName === stage)?.rawKey ?? ""),
    async runtimeTokenId(stage) {
      const { tokens } = await admin.tokens.listTokens({ orgId, projectId, keyType: "runtime" });
      return tokens.find((token) => token.environmentId === environmentId[stage])?.id ?? 0;
    },
    async publish(stage, n, fillerLength = 0) {
      const policies = JSON.stringify({ n, filler: randomBytes(fillerLength / 2).toString("hex") });
      return (await admin.bundles.publishBundle({ ...place[stage], policies })).sequence ?? 0;
    },
  };
}
