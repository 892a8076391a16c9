import { Page } from "../../shell/page.js";

/** The activations of a project. */
export function DeploymentsScreen() {
  return <Page title="Deployments">{null}</Page>;
}
