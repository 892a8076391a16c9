import type { ProjectAt } from "../../data/links.js";
import { ChangeDialog } from "../lanes/change-dialog.js";
import type { Change } from "../lanes/change/change.js";
import { useLanes } from "../lanes/use-lanes.js";

interface ChangeHereProps {
  readonly at: ProjectAt;
  readonly change: Change;
  readonly onClose: () => void;
  readonly onChanged: () => void;
}

/** The dialog of the lanes, with its preview and its questions, on this screen; what it needs is read while it is open. */
export function ChangeHere({ at, change, onClose, onChanged }: ChangeHereProps) {
  const { value: lanes } = useLanes(at);
  if (lanes === undefined) return null;
  return <ChangeDialog at={at} lanes={lanes} change={change} onClose={onClose} onChanged={onChanged} />;
}
