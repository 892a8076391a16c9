/** The path parameters of an environment's calls. */
export interface EnvironmentPath {
  readonly orgId: string;
  readonly projectId: string;
  readonly envName: string;
}
