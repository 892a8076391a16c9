import { Kysely } from "kysely";
import { describe, expect, it } from "vitest";
import { TOLD } from "../../../src/store/postgres/change-log.js";
import { PostgresDialect } from "../../../src/store/postgres/dialect.js";
import { createReader } from "../../../src/store/queries/reader.js";
import { createWriter } from "../../../src/store/queries/writer.js";
import type { Schema } from "../../../src/store/schema.js";
import type { Writer } from "../../../src/store/store.js";
import { TransactionDriver } from "../../../src/store/transactions/transaction-driver.js";

/** Methods of the Writer of which other nodes need not hear, and why not. */
const UNTOLD: Partial<Record<keyof Writer, string>> = {
  ...reasons("nobody has looked for it: what is not there is not kept", ["insertOrganization", "insertToken"]),
  ...reasons("read anew for each request", [
    "putPolicySchema",
    "deletePolicySchema",
    "insertPipeline",
    "updatePipeline",
    "deletePipeline",
    "insertPipelineStage",
    "updatePipelineStage",
    "deletePipelineStage",
    "insertPipelineApp",
    "deletePipelineApp",
    "insertArtifact",
    "updateArtifact",
    "deleteArtifact",
    "insertTrustedOrigin",
    "deleteTrustedOrigin",
    "insertBundleImport",
    "putRelease",
    "updateRelease",
    "deleteUnneededReleases",
    "insertIdempotentAnswer",
    "deleteIdempotentAnswers",
    "putExpiryNotice",
    "putNode",
    "insertConsoleSession",
    "insertAuditTile",
  ]),
  ...reasons("what is kept of it is by an id that never means anything else", ["insertBundle", "putContent"]),
  ...reasons("says the same as the one that is kept", ["insertActivationAttestation", "updateActivationAttestation"]),
  insertDeployment: "comes with updateEnvironment, of which they hear",
  ...reasons("never of an active bundle, which alone is kept", ["deleteBundle"]),
  ...reasons("rows that were marked as deleted before, of which others heard then", ["removeDeleted"]),
  ...reasons("each node keeps its own and writes them", ["touchTokens", "touchConsoleSession", "putInstances"]),
  ...reasons("done by whoever claimed the webhook or the event, and read by the next one", [
    "fallBehind",
    "markFannedOut",
    "deleteDeliveries",
  ]),
  ...reasons("claims are rows that each node reads again before they end", [
    "claimWebhooks",
    "releaseWebhooks",
    "claimJob",
    "endJob",
  ]),
  deleteConsoleSessions: "they ended long before",
  deleteWebhook: "a worker reads its webhook before it sends",
};

function reasons(reason: string, methods: readonly (keyof Writer)[]): Partial<Record<keyof Writer, string>> {
  return Object.fromEntries(methods.map((method) => [method, reason]));
}

describe("the log of changes", () => {
  it("has a decision for each method that changes something: what others hear of it, or why nothing", () => {
    const dialect = new PostgresDialect(new TransactionDriver({} as never));
    const db = new Kysely<Schema>({ dialect });
    const looks = Object.keys(createReader(db));
    const changes = Object.keys(createWriter(db)).filter((method) => !looks.includes(method));
    const decided = [...Object.keys(TOLD), ...Object.keys(UNTOLD)];
    expect(decided.toSorted()).toStrictEqual(changes.toSorted());
  });
});
