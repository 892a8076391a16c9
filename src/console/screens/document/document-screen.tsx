import { Page } from "../../shell/page.js";

/** One version. */
export function DocumentScreen() {
  return <Page title="Document">{null}</Page>;
}
