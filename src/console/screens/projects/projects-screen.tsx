import { Page } from "../../shell/page.js";

/** The projects of an organization. */
export function ProjectsScreen() {
  return <Page title="Projects">{null}</Page>;
}
