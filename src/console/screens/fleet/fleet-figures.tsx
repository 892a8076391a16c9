import type { FleetCounts } from "../../../../gen/signet/v1/runtime_pb.js";
import { FleetBar } from "../../elements/fleet-bar.js";
import { numberText } from "../../elements/counted.js";
import type { FleetState } from "./fleet-filter.js";

interface FleetFiguresProps {
  readonly counts: FleetCounts;
  /** The state that the list is filtered by. */
  readonly state: string | undefined;
  readonly hrefOf: (state: FleetState | undefined) => string;
}

/** How many instances there are and where they stand; each number leads to its instances. */
export function FleetFigures({ counts, state, hrefOf }: FleetFiguresProps) {
  const { instances, live, applied, behind, rejected, unknown } = counts;
  const figures: readonly (readonly [FleetState | undefined, string, number])[] = [
    [undefined, "All", instances],
    ["applied", "Applied", applied],
    ["behind", "Behind", behind],
    ["rejected", "Rejected", rejected],
    ["unknown", "Unknown", unknown],
    ["gone", "Not live", instances - live],
  ];
  return (
    <section class="card stack fleet-figures" aria-label="Figures">
      <FleetBar counts={counts} />
      <ul class="figures">
        {figures.map(([value, label, count]) => (
          <li key={label}>
            <a
              class={`figure figure-${value ?? "all"}${count === 0 ? " figure-zero" : ""}`}
              href={hrefOf(value)}
              aria-current={state === value ? "true" : undefined}
            >
              <span class="figure-count">{numberText(count)}</span> <span>{label}</span>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}
