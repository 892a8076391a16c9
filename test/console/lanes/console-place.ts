import type { SignetClient } from "../../../src/sdk/index.js";
import type { TestServer } from "../../support/server.js";

/** A project of a test's own, and what tests do in it beside the browser. */
export interface ConsolePlace {
  readonly orgId: string;
  readonly projectId: string;
  readonly slug: string;
  /** The path of its lanes. */
  readonly path: string;
  publish(envName: string, policies: object, title?: string): Promise<number>;
  promote(sourceEnv: string): Promise<number>;
  /** The active version and the newest sequence. */
  state(envName: string): Promise<readonly [version: number | undefined, sequence: number]>;
  /** A client with a new runtime token of the environment. */
  runtime(envName: string): Promise<SignetClient>;
}

/** Makes a project; dev, staging and prod unless others are named. */
export async function createConsolePlace(
  server: TestServer,
  name: string,
  environments: string[] = [],
): Promise<ConsolePlace> {
  const { admin, orgId } = server;
  const { slug: org } = await admin.organizations.getOrganization({ orgId });
  const { id: projectId, slug } = await admin.organizations.createProject({
    ...{ orgId, name, environments, runtimeKeys: false },
  });
  const at = { orgId, projectId };
  return {
    ...{ orgId, projectId, slug, path: `/console/orgs/${org}/projects/${slug}` },
    async publish(envName, policies, title = "A policy") {
      const request = { ...at, envName, policies: JSON.stringify(policies), title };
      return (await admin.bundles.publishBundle(request)).version;
    },
    promote: async (sourceEnv) => (await admin.bundles.promoteBundle({ ...at, sourceEnv })).version,
    async state(envName) {
      const { activeVersion, sequence } = await admin.organizations.getEnvironment({ ...at, envName });
      return [activeVersion, sequence];
    },
    async runtime(envName) {
      const { rawKey } = await admin.tokens.createRuntimeToken({ ...at, environmentId: envName, name: "pods" });
      return server.clientFor(rawKey ?? "");
    },
  };
}
