import { Page } from "../../shell/page.js";

/** The first publish, step by step. */
export function StartScreen() {
  return <Page title="First publish">{null}</Page>;
}
