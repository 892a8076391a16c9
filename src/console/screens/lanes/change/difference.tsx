import { Fragment } from "preact";
import type { BundleDifference, ValueChange } from "../../../../../gen/signet/v1/bundle_pb.js";
import { counted } from "../../../elements/counted.js";

/** Changes that the preview lists; the comparison has them all. */
const SHOWN = 60;

/** A value that is longer is cut in the preview, in characters. */
const MAX_VALUE = 120;

const OPS: Readonly<Record<string, readonly [sign: string, word: string]>> = {
  add: ["+", "added"],
  remove: ["−", "removed"],
  replace: ["~", "changed"],
};

interface DifferenceProps {
  /** Undefined when it takes too long to compare. */
  readonly difference: BundleDifference | undefined;
  /** Where all of it is shown. */
  readonly compare: string | undefined;
  readonly environment: string;
}

/** What would differ, as a list of changes by path. */
export function Difference({ difference, compare, environment }: DifferenceProps) {
  const all = compare === undefined ? null : <a href={compare}>Compare in full</a>;
  if (difference === undefined) {
    return <p class="muted">The difference is too large to show here. {all}</p>;
  }
  const { changes, changesTotal } = difference;
  if (changesTotal === 0) return <p class="muted">The content of {environment} stays the same.</p>;
  const shown = changes.slice(0, SHOWN);
  return (
    <section class="change-difference" aria-label="What changes">
      <header>
        <h3>{counted(changesTotal, "change")}</h3>
        {all}
      </header>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls */}
      <ul tabIndex={0} aria-label={`Changes in ${environment}`}>
        {shown.map((change, index) => (
          <li key={index} class={`change-op change-${change.op}`}>
            <span class="change-sign" aria-hidden="true">
              {OPS[change.op]?.[0]}
            </span>
            <div>
              <code class="change-path">
                <Path path={change.path} />
              </code>
              <span class="visually-hidden">{OPS[change.op]?.[1]}</span>
              <Values change={change} />
            </div>
          </li>
        ))}
      </ul>
      {changesTotal > shown.length && (
        <p class="muted">
          and {changesTotal - shown.length} more. {all}
        </p>
      )}
    </section>
  );
}

/** A JSON Pointer. Each step is kept apart: keys are what others wrote. */
function Path({ path }: { readonly path: string }) {
  return path.split("/").map((step, index) => (
    <Fragment key={index}>
      {index > 0 && "/"}
      <bdi>{step}</bdi>
    </Fragment>
  ));
}

function Values({ change: { op, oldValue, newValue, oldExcerpt, newExcerpt } }: { readonly change: ValueChange }) {
  const before = op === "add" ? undefined : (oldValue ?? oldExcerpt);
  const after = op === "remove" ? undefined : (newValue ?? newExcerpt);
  return (
    <span class="change-values">
      {before !== undefined && (
        <del>
          <bdi>{cut(before)}</bdi>
        </del>
      )}
      {after !== undefined && (
        <ins>
          <bdi>{cut(after)}</bdi>
        </ins>
      )}
    </span>
  );
}

function cut(value: string): string {
  const characters = [...value.slice(0, 2 * MAX_VALUE)];
  return value.length <= MAX_VALUE ? value : `${characters.slice(0, MAX_VALUE).join("")}…`;
}
