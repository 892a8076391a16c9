import { Page } from "../../shell/page.js";

/** The server. */
export function SystemScreen() {
  return <Page title="System">{null}</Page>;
}
