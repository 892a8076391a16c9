import { Button } from "../../elements/button.js";
import { Icon, type IconName } from "../../elements/icon.js";
import { Status, type Tone } from "../../elements/text.js";
import type { Lane } from "./lane.js";
import { standing, standingLabel, standingWords, type Standing } from "./standing.js";

const TONES: Readonly<Record<Standing["kind"], Tone>> = {
  empty: "neutral",
  first: "info",
  same: "good",
  ahead: "info",
  back: "warn",
  different: "warn",
};

const ICONS: Readonly<Record<Standing["kind"], IconName>> = {
  empty: "dot",
  first: "up",
  same: "check",
  ahead: "up",
  back: "down",
  different: "warning",
};

interface ConnectorProps {
  readonly source: Lane;
  /** What the source promotes to. */
  readonly target: Lane;
  /** Why it cannot be promoted; undefined when it can be tried. */
  readonly disabledBecause: string | undefined;
  readonly onPromote: () => void;
}

/** The arrow from a lane to the one that it promotes to: how both stand to each other, and the way to promote. */
export function Connector({ source, target, disabledBecause, onPromote }: ConnectorProps) {
  const from = source.environment.name;
  const to = target.environment.name;
  const at = standing(source, target);
  // Of an empty lane the lane says it.
  const isKnown = source.isLoaded && target.isLoaded && at.kind !== "empty";
  const isNewer = at.kind === "ahead" || at.kind === "first" || at.kind === "different";
  const why = `why-${from}`;
  return (
    <div class={isNewer ? "connector connector-newer" : "connector"}>
      <p class="connector-standing" title={standingWords(at, from, to)}>
        {isKnown && <Status tone={TONES[at.kind]} text={standingLabel(at)} icon={ICONS[at.kind]} />}
        {isKnown && <span class="visually-hidden">: {standingWords(at, from, to)}</span>}
      </p>
      <div class="connector-line" aria-hidden="true">
        <Icon name="right" />
      </div>
      {!source.isTargetNext && (
        <p class="connector-target">
          to <strong>{to}</strong>
        </p>
      )}
      <Button
        size="small"
        kind={isNewer && disabledBecause === undefined ? "primary" : "plain"}
        disabled={disabledBecause !== undefined}
        aria-label={`Promote ${from} to ${to}`}
        aria-describedby={disabledBecause === undefined ? undefined : why}
        title={disabledBecause}
        onClick={onPromote}
      >
        Promote
      </Button>
      {disabledBecause !== undefined && (
        <span class="visually-hidden" id={why}>
          {disabledBecause}
        </span>
      )}
    </div>
  );
}
