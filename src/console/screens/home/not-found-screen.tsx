import { links } from "../../data/links.js";
import { Empty } from "../../elements/states.js";
import { LinkButton } from "../../elements/button.js";
import { Page } from "../../shell/page.js";

/** An address that is no screen. */
export function NotFoundScreen() {
  return (
    <Page title="Not found">
      <Empty
        title="There is no such page"
        text="The link may be mistyped, or from another release."
        action={<LinkButton href={links.home()}>Go to the start</LinkButton>}
      />
    </Page>
  );
}
