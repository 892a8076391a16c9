import { useEffect } from "preact/hooks";
import { Button } from "../elements/button.js";
import { Skeleton } from "../elements/states.js";
import type { DifferenceHandle, DifferenceOptions } from "./text-handle.js";
import { useShadow } from "./use-shadow.js";

type DifferenceViewProps = Omit<DifferenceOptions, "onLine"> & { readonly onLine?: (line: number) => void };

/** The difference of two JSON texts, unified or side by side. Both are at most as long as an editor takes. */
export function DifferenceView(props: DifferenceViewProps) {
  const { before, after, mode, onlyChanges, line } = props;
  const { host, handle, isFailed } = useShadow<DifferenceHandle>(
    (root, { openDifference }) => openDifference(root, props),
    [before, after, mode, onlyChanges],
  );
  useEffect(() => {
    if (line !== undefined) handle?.goToLine(line);
  }, [line]);
  if (isFailed) return <p class="muted">The view of differences could not be loaded. Reload the page to try again.</p>;
  return (
    <div class="text-box">
      <div class="text-tools">
        <Button size="small" kind="quiet" icon="up" onClick={() => handle?.previous()}>
          Previous change
        </Button>
        <Button size="small" kind="quiet" icon="down" onClick={() => handle?.next()}>
          Next change
        </Button>
        <Button size="small" kind="quiet" icon="search" onClick={() => handle?.search()}>
          Search
        </Button>
      </div>
      {handle === undefined && <Skeleton lines={8} />}
      <div ref={host} class="text-host" />
    </div>
  );
}
