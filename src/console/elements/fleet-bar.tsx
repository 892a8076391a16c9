/** Live instances of an environment by what they applied. */
export interface FleetCounts {
  readonly applied: number;
  readonly behind: number;
  readonly rejected: number;
  /** Live, and have not said what they applied. */
  readonly unknown?: number;
}

const PARTS = ["applied", "behind", "rejected", "unknown"] as const;

const WORDS = { applied: "applied", behind: "behind", rejected: "rejected", unknown: "not reported" } as const;

/** The live instances as a bar, and in words. */
export function FleetBar({ counts: given }: { readonly counts: FleetCounts }) {
  const counts = { ...given, unknown: given.unknown ?? 0 };
  const total = counts.applied + counts.behind + counts.rejected + counts.unknown;
  if (total === 0) return <p class="fleet-words muted">No live runtime</p>;
  const words = PARTS.filter((part) => counts[part] > 0).map((part) => `${counts[part]} ${WORDS[part]}`);
  return (
    <div class="fleet">
      <div class="fleet-bar" aria-hidden="true">
        {PARTS.map(
          (part) => counts[part] > 0 && <span key={part} class={`fleet-${part}`} style={{ flexGrow: counts[part] }} />,
        )}
      </div>
      <p class="fleet-words">{words.join(" · ")}</p>
    </div>
  );
}
