import { useEffect, useState } from "preact/hooks";
import type { ProjectAt } from "../../data/links.js";
import type { Change } from "./change/change.js";
import type { DialogOf } from "./change/dialogs.js";
import type { Lane } from "./lane.js";

interface ChangeDialogProps {
  readonly at: ProjectAt;
  readonly lanes: readonly Lane[];
  readonly change: Change | undefined;
  readonly onClose: () => void;
  /** Something became active, or a hold ended. */
  readonly onChanged: () => void;
}

/** The dialog of a change. Its code is loaded when the first one opens. */
export function ChangeDialog({ change, ...rest }: ChangeDialogProps) {
  // In an object: a function would be taken for an update.
  const [loaded, setLoaded] = useState<{ readonly Dialog: typeof DialogOf } | undefined>();
  const isWanted = change !== undefined;
  useEffect(() => {
    if (!isWanted || loaded !== undefined) return;
    void import("./change/dialogs.js").then((dialogs) => setLoaded({ Dialog: dialogs.DialogOf }));
  }, [isWanted]);
  if (change === undefined || loaded === undefined) return null;
  return <loaded.Dialog key={`${change.kind} ${change.env}`} change={change} {...rest} />;
}
