import { links, type ProjectAt } from "../../data/links.js";
import { Menu, type MenuItem } from "../../elements/menu.js";
import type { Change } from "./change/change.js";
import type { Lane } from "./lane.js";

interface LaneMenuProps {
  readonly at: ProjectAt;
  readonly lane: Lane;
  /** Why the caller changes nothing; undefined when it may. */
  readonly disabledBecause: string | undefined;
  readonly onChange: (change: Change) => void;
}

/** What can be done with an environment, and where else it is shown. */
export function LaneMenu({ at, lane: { environment }, disabledBecause, onChange }: LaneMenuProps) {
  const { name, activeVersion, hold } = environment;
  const never = disabledBecause ?? (activeVersion === undefined ? "Nothing is active." : undefined);
  const change = (label: string, icon: NonNullable<MenuItem["icon"]>, kind: Change["kind"], why = never): MenuItem => ({
    label,
    icon,
    disabledBecause: why,
    onSelect: () => onChange({ kind, env: name }),
  });
  const items: readonly MenuItem[] = [
    change("Roll back…", "back", "rollback"),
    change("Activate a version…", "pin", "activate", disabledBecause),
    hold === undefined ? change("Hold…", "lock", "hold") : change("Release the hold…", "lock", "release"),
    {
      label: "Publish…",
      icon: "upload",
      ...(disabledBecause === undefined ? { href: links.publish(at, name) } : { disabledBecause }),
    },
    { label: "Versions", href: links.versions(at, { env: name }) },
    { label: "Deployments", href: links.deployments(at, { env: name }) },
    { label: "Fleet", href: links.fleet(at, { env: name }) },
  ];
  return <Menu label={`Actions for ${name}`} icon="more" items={items} />;
}
