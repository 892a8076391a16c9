import { useRoute } from "preact-iso/router";
import { links } from "../../data/links.js";
import { can } from "../../data/session.js";
import { tenancy } from "../../data/tenancy.js";
import { Empty } from "../../elements/states.js";
import { Tabs } from "../../elements/tabs.js";
import { useQuery } from "../../elements/use-query.js";
import { organizationCrumbs } from "../../shell/crumbs.js";
import { Page } from "../../shell/page.js";
import { AuditEvents } from "./audit-events.js";
import { auditParams } from "./audit-filter.js";
import { AuditVerify } from "./audit-verify.js";

/** The record of every change of an organization, and what proves it. */
export function AuditScreen() {
  const { params } = useRoute();
  const [query] = useQuery();
  const org = params["org"] ?? "";
  const asked = auditParams(query);
  const isVerify = query["view"] === "verify";
  const organization = tenancy.value?.organization;
  return (
    <Page
      title={isVerify ? "Verify the audit" : "Audit"}
      crumbs={organizationCrumbs(org)}
      lead="Every change, in the transaction of the change, signed and chained."
    >
      {can("audit:read") ? (
        <>
          <Tabs
            label="Views of the audit"
            tabs={[
              { label: "Events", href: links.audit(org, { ...asked }), isCurrent: !isVerify },
              { label: "Verify", href: links.audit(org, { ...asked, view: "verify" }), isCurrent: isVerify },
            ]}
          />
          {isVerify ? <AuditVerify org={org} orgId={organization?.id} /> : <AuditEvents org={org} asked={asked} />}
        </>
      ) : (
        <Empty
          title="This token does not read the audit"
          text="Admin tokens of the whole organization do, and viewers that were made with it."
          command="signet token create --viewer --audit --name auditor"
        />
      )}
    </Page>
  );
}
