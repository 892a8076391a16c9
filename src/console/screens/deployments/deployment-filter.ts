/** What an activation can be, as Deployment.kind. */
export const DEPLOYMENT_KIND_NAMES = ["publish", "promote", "activate", "rollback", "import"] as const;

/** What the URL of the deployments says; without a field that it does not say. */
export interface DeploymentParams {
  readonly env?: string;
  readonly kind?: string;
  readonly actor?: string;
  /** ISO 8601. */
  readonly since?: string;
  readonly until?: string;
}

/** Of the parameters of a URL those of the deployments; what the server would refuse counts as none. */
export function deploymentFilter(query: Readonly<Record<string, string | undefined>>): DeploymentParams {
  const { env = "", kind = "", actor = "", since = "", until = "" } = query;
  return {
    ...(env !== "" && env.length <= 63 && { env }),
    ...(DEPLOYMENT_KIND_NAMES.some((name) => name === kind) && { kind }),
    ...(actor !== "" && actor.length <= 255 && { actor }),
    ...(isInstant(since) && { since }),
    ...(isInstant(until) && { until }),
  };
}

/** Whether a text of a URL is an instant that the server takes: ISO 8601, of the years 1 to 9999. */
export function isInstant(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}(T.*)?$/.test(text)) return false;
  const year = new Date(text).getUTCFullYear();
  return year >= 1 && year <= 9999;
}
