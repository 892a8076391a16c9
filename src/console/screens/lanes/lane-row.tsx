import { useState } from "preact/hooks";
import { announce } from "../../data/announce.js";
import { useCommands } from "../../data/commands.js";
import type { ProjectAt } from "../../data/links.js";
import { who } from "../../data/session.js";
import { Connector } from "./connector.js";
import type { Change } from "./change/change.js";
import { LaneCard } from "./lane-card.js";
import { LaneMenu } from "./lane-menu.js";
import { laneOf, type Lane } from "./lane.js";
import { whyNoPromotion } from "./obstacles.js";
import { useFreshActivations } from "./use-lanes.js";

interface LaneRowProps {
  readonly at: ProjectAt;
  readonly lanes: readonly Lane[];
  /** Why the caller changes nothing; undefined when it may. */
  readonly disabledBecause: string | undefined;
  readonly onChange: (change: Change) => void;
}

/**
 * The lanes from left to right, below one another where it is narrow, with an arrow from each to the one that it promotes to. The active
 * bundle of a lane can be dragged along its arrow, which asks the same as the arrow's button does.
 */
export function LaneRow({ at, lanes, disabledBecause, onChange }: LaneRowProps) {
  const fresh = useFreshActivations(lanes);
  const [dragged, setDragged] = useState<string | undefined>();
  const goal = laneOf(lanes, dragged)?.target?.name;
  const whyNot = (lane: Lane) =>
    whyNoPromotion({ source: lane, target: laneOf(lanes, lane.target?.name), rollout: lane.rollout, who: who.value });
  const promotable = lanes.filter((lane) => lane.target !== undefined && whyNot(lane) === undefined);
  useCommands(
    promotable.map(({ environment: { name }, target }) => ({
      id: `promote-${name}`,
      label: `Promote ${name} to ${target?.name ?? ""}`,
      run: () => onChange({ kind: "promote", env: name }),
    })),
    promotable.map(({ environment, target }) => `${environment.name}>${target?.name ?? ""}`).join(" "),
  );
  const startDrag = (event: DragEvent, lane: Lane) => {
    const { name } = lane.environment;
    event.dataTransfer?.setData("text/plain", `${name} v${lane.environment.activeVersion ?? ""}`);
    if (event.dataTransfer !== null) event.dataTransfer.effectAllowed = "copy";
    setDragged(name);
    announce(`Drag version ${lane.environment.activeVersion ?? ""} of ${name} to ${lane.target?.name ?? ""}`);
  };
  return (
    // A region that scrolls must be reachable by keys.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <section class="lanes-box" aria-label="Environments in promotion order" tabIndex={0}>
      <ol class={`lanes${dragged === undefined ? "" : " lanes-dragging"}`}>
        {lanes.map((lane) => {
          const { name } = lane.environment;
          const target = laneOf(lanes, lane.target?.name);
          const isGoal = name === goal;
          const drop = (event: DragEvent) => {
            if (!isGoal || dragged === undefined) return;
            event.preventDefault();
            setDragged(undefined);
            onChange({ kind: "promote", env: dragged });
          };
          return (
            <li
              key={lane.environment.id}
              class={classesOf({ isFresh: fresh.has(name), isGoal, isSource: name === dragged })}
              onDragOver={(event) => {
                if (isGoal) event.preventDefault();
              }}
              onDrop={drop}
            >
              <LaneCard
                at={at}
                lane={lane}
                menu={<LaneMenu at={at} lane={lane} disabledBecause={disabledBecause} onChange={onChange} />}
                canDrag={promotable.includes(lane)}
                onDragStart={(event) => startDrag(event, lane)}
                onDragEnd={() => setDragged(undefined)}
              />
              {target !== undefined && (
                <Connector
                  source={lane}
                  target={target}
                  disabledBecause={whyNot(lane)}
                  onPromote={() => onChange({ kind: "promote", env: name })}
                />
              )}
              {isGoal && <p class="lane-goal">Drop to promote {dragged}</p>}
            </li>
          );
        })}
      </ol>
    </section>
  );
}

function classesOf({ isFresh, isGoal, isSource }: { isFresh: boolean; isGoal: boolean; isSource: boolean }): string {
  const names = ["lane", isFresh && "lane-fresh", isGoal && "lane-open", isSource && "lane-dragged"];
  return names.filter((name) => name !== false).join(" ");
}
