import { Page } from "../../shell/page.js";

/** A new version. */
export function PublishScreen() {
  return <Page title="Publish">{null}</Page>;
}
