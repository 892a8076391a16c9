import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ListAuditEventsRequestSchema } from "../../../../gen/signet/v1/audit_pb.js";
import { timestampOfText } from "../../data/timestamps.js";

/** What the URL of the audit says; without a field that it does not say. */
export interface AuditParams {
  /** A slug, or the id of a deleted project. */
  readonly project?: string;
  readonly env?: string;
  readonly actor?: string;
  /** An action, or a prefix that ends in `.*`. */
  readonly action?: string;
  /** ISO 8601. */
  readonly since?: string;
  readonly until?: string;
}

/** Of the parameters of a URL those of the audit; what the server would refuse counts as none. */
export function auditParams(query: Readonly<Record<string, string | undefined>>): AuditParams {
  const { project = "", env = "", actor = "", action = "", since = "", until = "" } = query;
  const fits = (text: string, most: number) => text !== "" && text.length <= most;
  return {
    ...(fits(project, 255) && { project }),
    // The name of an environment is one of a project.
    ...(fits(env, 63) && fits(project, 255) && { env }),
    ...(fits(actor, 255) && { actor }),
    ...(fits(action, 255) && { action }),
    ...(timestampOfText(since) !== undefined && { since }),
    ...(timestampOfText(until) !== undefined && { until }),
  };
}

/** The filters in the words of the API. */
export function auditRequest(
  orgId: string,
  { project, env, actor, action, since, until }: AuditParams,
): MessageInitShape<typeof ListAuditEventsRequestSchema> {
  const [from, to] = [timestampOfText(since), timestampOfText(until)];
  return {
    orgId,
    ...(project !== undefined && { projectId: project }),
    ...(env !== undefined && { environment: env }),
    ...(actor !== undefined && { actor }),
    ...(action !== undefined && { action }),
    ...(from !== undefined && { since: from }),
    ...(to !== undefined && { until: to }),
  };
}

/** Actions to choose from: docs/audit.md has them all. */
export const KNOWN_ACTIONS: readonly string[] = [
  ...["bundle.*", "bundle.published", "bundle.activated", "bundle.promoted", "bundle.imported", "bundle.deleted"],
  ...["environment.*", "environment.held", "environment.released", "project.*", "organization.*"],
  ...["token.*", "token.created", "token.rotated", "token.revoked", "webhook.*", "pipeline.*", "artifact.*"],
  ...["trust.*", "schema.*", "backup.*", "access.refused", "activation.attested", "history.lost"],
];
