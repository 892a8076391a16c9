import { Page } from "../../shell/page.js";

/** The keys of the server. */
export function KeysScreen() {
  return <Page title="Keys">{null}</Page>;
}
