import { Page } from "../../shell/page.js";

/** Two versions side by side. */
export function CompareScreen() {
  return <Page title="Compare">{null}</Page>;
}
