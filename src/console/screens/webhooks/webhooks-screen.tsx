import { Page } from "../../shell/page.js";

/** The webhooks of an organization, or one of them. */
export function WebhooksScreen() {
  return <Page title="Webhooks">{null}</Page>;
}
