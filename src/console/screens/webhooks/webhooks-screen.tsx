import { useRoute } from "preact-iso/router";
import { can } from "../../data/session.js";
import { Empty } from "../../elements/states.js";
import { organizationCrumbs } from "../../shell/crumbs.js";
import { Page } from "../../shell/page.js";
import { WebhookDetail } from "./webhook-detail.js";
import { WebhookList } from "./webhook-list.js";

/** The webhooks of an organization, or one of them with its deliveries. */
export function WebhooksScreen() {
  const { params } = useRoute();
  const org = params["org"] ?? "";
  const id = params["webhook"];
  if (!can("org:admin")) {
    return (
      <Page title="Webhooks" crumbs={organizationCrumbs(org)}>
        <Empty
          title="This token does not see webhooks"
          text="Admin tokens of the organization do: a URL may hold a secret."
        />
      </Page>
    );
  }
  return id === undefined ? <WebhookList org={org} /> : <WebhookDetail key={id} org={org} id={id} />;
}
