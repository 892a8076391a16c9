/** A project as URLs name it: slugs. */
export interface ProjectAt {
  readonly org: string;
  readonly project: string;
}
