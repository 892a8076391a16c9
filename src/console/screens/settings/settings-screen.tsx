import { Page } from "../../shell/page.js";

/** The environments, schema and trust of a project. */
export function SettingsScreen() {
  return <Page title="Settings">{null}</Page>;
}
