import type { DeletionFacts } from "../data/deletion-facts.js";
import type { Call } from "../data/use-call.js";
import { Loaded } from "./states.js";

/** What goes with a deletion, as far as it is known. The deletion does not wait for it. */
export function DeletionList({ call }: { readonly call: Call<DeletionFacts> }) {
  return (
    <Loaded call={call} lines={3}>
      {({ versions, runtimes, liveRuntimes, tokens, others }) => (
        <dl class="facts">
          <dt>Versions kept</dt>
          <dd>{versions}</dd>
          <dt>Runtimes</dt>
          <dd>
            {runtimes} seen, {liveRuntimes} live
          </dd>
          <dt>Tokens that end</dt>
          <dd>{tokens}</dd>
          {others > 0 && (
            <>
              <dt>And</dt>
              <dd>what is in {others} more environments</dd>
            </>
          )}
        </dl>
      )}
    </Loaded>
  );
}
