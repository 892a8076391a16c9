import { Page } from "../../shell/page.js";

/** The pipelines of a project, or one of them. */
export function PipelinesScreen() {
  return <Page title="Pipelines">{null}</Page>;
}
