import { Icon } from "../../../elements/icon.js";
import { Hash, Name } from "../../../elements/text.js";

interface StepProps {
  /** What comes: from where, and which version. */
  readonly from: {
    readonly environment: string;
    readonly version: number | undefined;
    readonly hash: string | undefined;
    readonly title?: string | undefined;
  };
  /** Where it goes: the version that it gets there, and the one that it replaces. */
  readonly to: {
    readonly environment: string;
    readonly version: number | undefined;
    readonly before: number | undefined;
  };
}

/** A change in one line: `dev v9 → staging v4, instead of v3`. */
export function Step({ from, to }: StepProps) {
  return (
    <div class="change-step">
      <p>
        <span class="muted">{from.environment}</span>
        <strong>v{from.version ?? "–"}</strong>
        {from.hash !== undefined && <Hash value={from.hash.replace(/^sha256:/, "")} length={8} />}
        {from.title !== undefined && <Name text={from.title} />}
      </p>
      <Icon name="right" />
      <p>
        <span class="muted">{to.environment}</span>
        <strong>v{to.version ?? "…"}</strong>
        <span class="muted">{to.before === undefined ? "its first version" : `replaces v${to.before}`}</span>
      </p>
    </div>
  );
}
