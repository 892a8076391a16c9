import { Page } from "../../shell/page.js";

/** The tokens of an organization. */
export function TokensScreen() {
  return <Page title="Tokens">{null}</Page>;
}
