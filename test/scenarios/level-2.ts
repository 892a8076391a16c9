import type { SignetClient } from "../../src/sdk/index.js";
import { SignetError, toSignetError } from "../../src/sdk/signet-error.js";
import { ADMIN_TOKEN, type TestServer } from "../support/server.js";

/** A refusal, as every protocol tells it. */
export interface Refused {
  /** The finer code: `release_missing`. */
  readonly reason: string;
  readonly message: string;
}

/** The calls of a project whose authors sign, over one protocol. Refusals are returned. */
export interface SignedProject {
  publishRoot(envelope: string, force?: boolean): Promise<Refused | null>;
  upload(envelope: string): Promise<Refused | null>;
  publish(envName: string, policies: string, release?: string): Promise<Refused | null>;
  promote(sourceEnv: string): Promise<Refused | null>;
  rollback(envName: string, toVersion: number): Promise<Refused | null>;
}

/** Over gRPC. */
export function overGrpc({ admin, orgId }: TestServer, projectId: string): SignedProject {
  const place = { orgId, projectId };
  const refusalOf = async (call: (client: SignetClient) => Promise<unknown>): Promise<Refused | null> => {
    try {
      await call(admin);
      return null;
    } catch (thrown) {
      const { reason, message, fields } = toSignetError(thrown);
      return { reason: fields[0]?.type ?? reason, message };
    }
  };
  return {
    publishRoot: (envelope, force = false) =>
      refusalOf((client) => client.trust.publishRoot({ ...place, envelope, force })),
    upload: (envelope) => refusalOf((client) => client.trust.uploadRelease({ ...place, envelope })),
    publish: (envName, policies, release) =>
      refusalOf((client) =>
        client.bundles.publishBundle({ ...place, envName, policies, ...(release === undefined ? {} : { release }) }),
      ),
    promote: (sourceEnv) => refusalOf((client) => client.bundles.promoteBundle({ ...place, sourceEnv })),
    rollback: (envName, toVersion) =>
      refusalOf((client) => client.bundles.rollbackBundle({ ...place, envName, toVersion })),
  };
}

/** Over REST, where envelopes and policies are JSON objects. */
export function overRest(server: TestServer, projectId: string): SignedProject {
  const base = `/v1/orgs/${server.orgId}/projects/${projectId}`;
  const post = async (path: string, members: Readonly<Record<string, string>>): Promise<Refused | null> => {
    const headers = { Authorization: `Bearer ${ADMIN_TOKEN}`, "Content-Type": "application/json" };
    const body = `{${Object.entries(members)
      .map(([name, json]) => `${JSON.stringify(name)}:${json}`)
      .join(",")}}`;
    const answer = await fetch(`${server.url}${base}${path}`, { method: "POST", headers, body });
    if (answer.status === 200) return null;
    if (answer.status !== 422 && answer.status !== 409) throw new SignetError("internal", await answer.text());
    const { detail, message } = (await answer.json()) as {
      detail: { error: string } | { type: string }[];
      message: string;
    };
    return { reason: Array.isArray(detail) ? (detail[0]?.type ?? "") : detail.error, message };
  };
  return {
    publishRoot: (envelope, force = false) => post("/trust/roots", { envelope, force: String(force) }),
    upload: (envelope) => post("/trust/releases", { envelope }),
    publish: (envName, policies, release) =>
      post(`/envs/${envName}/bundles/publish`, { policies, ...(release === undefined ? {} : { release }) }),
    promote: (sourceEnv) => post(`/envs/${sourceEnv}/promote`, {}),
    rollback: (envName, toVersion) => post(`/envs/${envName}/rollback`, { to_version: String(toVersion) }),
  };
}
