import { Page } from "../../shell/page.js";

/** The instances of a project or an organization. */
export function FleetScreen() {
  return <Page title="Fleet">{null}</Page>;
}
