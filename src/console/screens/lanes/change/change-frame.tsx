import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import type { Bundle, BundleDifference } from "../../../../../gen/signet/v1/bundle_pb.js";
import { links, type ProjectAt } from "../../../data/links.js";
import type { Action } from "../../../data/use-action.js";
import type { Call } from "../../../data/use-call.js";
import { Button } from "../../../elements/button.js";
import { Dialog } from "../../../elements/dialog.js";
import { ErrorNote } from "../../../elements/error-note.js";
import { Icon } from "../../../elements/icon.js";
import { Skeleton } from "../../../elements/states.js";
import { Name } from "../../../elements/text.js";
import { adviceFor, type Obstacle } from "../obstacles.js";
import { Difference } from "./difference.js";
import { Made } from "./made.js";

interface ChangeFrameProps {
  readonly title: string;
  /** The verb on the button. */
  readonly action: string;
  readonly at: ProjectAt;
  /** The environment that changes. */
  readonly environment: string;
  readonly obstacles: readonly Obstacle[];
  /** The dry run. */
  readonly preview: Call<Bundle>;
  /** What has changed since the preview; undefined when nothing has. */
  readonly moved: string | undefined;
  readonly change: Pick<Action<[], Bundle>, "isRunning" | "error">;
  /** What was made; then its rollout is shown. */
  readonly made: Bundle | undefined;
  /** Nothing would be made. */
  readonly isUseless?: boolean;
  /** What differs, where the dry run was refused. */
  readonly refused?: BundleDifference | undefined;
  /** The whole difference. */
  readonly compare: string | undefined;
  readonly summary: ComponentChildren;
  /** The fields. */
  readonly children: ComponentChildren;
  readonly onAgain: () => void;
  /** The server has another state than what is shown. */
  readonly onStale: () => void;
  readonly onSubmit: () => void;
  readonly onClose: () => void;
}

/**
 * The dialog of a change of what is active: what would differ, what stands in the way, and the questions; then how far the runtimes are.
 * Nothing is shown as done before the server said so.
 */
export function ChangeFrame(props: ChangeFrameProps) {
  const { title, action, at, environment, preview, moved, change, made, summary, children } = props;
  const { onAgain, onStale, onSubmit, onClose } = props;
  const refusal = change.error ?? preview.error;
  useEffect(() => {
    if (refusal?.code === "precondition_failed") onStale();
  }, [refusal]);
  if (made !== undefined) {
    return (
      <Dialog
        title={title}
        onClose={onClose}
        wide
        footer={
          <Button kind="primary" onClick={onClose}>
            Close
          </Button>
        }
      >
        <Made at={at} environment={environment} bundle={made} />
      </Dialog>
    );
  }
  const stops = props.obstacles.filter(({ level }) => level === "stop");
  const isBlocked = stops.length > 0 || preview.error !== undefined || moved !== undefined;
  const isReady = preview.value !== undefined && !isBlocked && props.isUseless !== true;
  return (
    <Dialog
      title={title}
      onClose={onClose}
      wide
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" form="change" kind="primary" busy={change.isRunning} disabled={!isReady}>
            {action}
          </Button>
        </>
      }
    >
      <form
        id="change"
        class="stack change"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady) onSubmit();
        }}
      >
        {summary}
        {moved !== undefined && <Moved text={moved} onAgain={onAgain} />}
        <Obstacles at={at} obstacles={props.obstacles} />
        <Preview {...props} />
        {children}
        {change.error !== undefined && (
          <Refusal error={change.error} environment={environment} onAgain={moved === undefined ? onAgain : undefined} />
        )}
      </form>
    </Dialog>
  );
}

function Preview({ preview, obstacles, environment, isUseless = false, refused, compare, onAgain }: ChangeFrameProps) {
  if (preview.error !== undefined) {
    // A hold is told above already, in fewer words.
    const isTold = preview.error.reason === "held" && obstacles.some(({ level }) => level === "stop");
    return (
      <>
        {!isTold && <Refusal error={preview.error} environment={environment} onAgain={onAgain} />}
        {refused !== undefined && <Difference difference={refused} compare={compare} environment={environment} />}
      </>
    );
  }
  if (preview.value === undefined) return preview.isLoading ? <Skeleton lines={4} /> : null;
  const { change } = preview.value;
  return (
    <>
      {isUseless && (
        <p class="note note-info">
          <Icon name="info" />
          <span class="note-text">{environment} has this content already: there is nothing to do.</span>
        </p>
      )}
      <Difference difference={change?.difference} compare={compare} environment={environment} />
      {change?.quota?.limit !== undefined && (
        <p class="muted">
          {environment} keeps {change.quota.kept} of at most {change.quota.limit} versions.
        </p>
      )}
    </>
  );
}

interface RefusalProps {
  readonly error: NonNullable<Call<Bundle>["error"]>;
  readonly environment: string;
  readonly onAgain: (() => void) | undefined;
}

function Refusal({ error, environment, onAgain }: RefusalProps) {
  const advice = adviceFor(error, environment);
  return (
    <div class="stack">
      <ErrorNote error={error} {...(onAgain === undefined ? {} : { retry: onAgain })} />
      {advice !== undefined && <p>{advice}</p>}
    </div>
  );
}

function Moved({ text, onAgain }: { readonly text: string; readonly onAgain: () => void }) {
  return (
    <div class="note note-warn" role="alert">
      <Icon name="warning" />
      <p class="note-text">{text}</p>
      <Button size="small" icon="refresh" onClick={onAgain}>
        Show the new preview
      </Button>
    </div>
  );
}

function Obstacles({ at, obstacles }: Pick<ChangeFrameProps, "at" | "obstacles">) {
  if (obstacles.length === 0) return null;
  return (
    <ul class="change-obstacles" aria-label="What stands in the way">
      {obstacles.map(({ level, text, quote, release }) => (
        <li key={text} class={`note note-${level === "stop" ? "bad" : "warn"}`}>
          <Icon name={level === "stop" ? "lock" : "warning"} />
          <span class="note-text">
            <span>{text}</span>
            {quote !== undefined && <Name text={quote} />}
          </span>
          {release !== undefined && <a href={links.project(at, { release })}>Release {release}…</a>}
        </li>
      ))}
    </ul>
  );
}
