import { Page } from "../../shell/page.js";

/** The audit of an organization. */
export function AuditScreen() {
  return <Page title="Audit">{null}</Page>;
}
