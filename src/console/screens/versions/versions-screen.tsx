import { Page } from "../../shell/page.js";

/** The versions of an environment. */
export function VersionsScreen() {
  return <Page title="Versions">{null}</Page>;
}
