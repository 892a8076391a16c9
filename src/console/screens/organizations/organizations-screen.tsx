import { Page } from "../../shell/page.js";

/** The organizations of the server. */
export function OrganizationsScreen() {
  return <Page title="Organizations">{null}</Page>;
}
