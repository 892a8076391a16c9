import type { Metric, Registry } from "prom-client";

/** A counter that is one addition. */
export interface CounterChild {
  inc(): void;
}

/** A histogram that is a search in its buckets and three additions. */
export interface HistogramChild {
  observeMs(durationMs: number): void;
}

interface Described {
  readonly registry: Registry;
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

interface Sample {
  readonly metricName?: string;
  readonly labels: Record<string, string | number>;
  readonly value: number;
}

/**
 * Counters by label values, for what happens thousands of times a second: the library's own children build a key of all label
 * values at every call, which was measured at 0.9 µs for a counter and 1.4 µs for a histogram.
 */
export class CounterFamily {
  readonly #children = new Map<string, { readonly labels: Record<string, string>; value: number }>();

  constructor(private readonly described: Described) {
    register(described, "counter", () =>
      [...this.#children.values()].map(({ labels, value }) => ({ labels: { ...labels }, value })),
    );
  }

  /** The counter of these label values, at 0 when it is new. To be kept by whoever counts often. */
  child(...values: string[]): CounterChild {
    const key = values.join("\u0000");
    const child = this.#children.get(key) ?? { labels: labelsOf(this.described, values), value: 0 };
    this.#children.set(key, child);
    return {
      inc: () => {
        child.value += 1;
      },
    };
  }
}

/** Durations by label values. Observed in milliseconds, told in seconds. */
export class HistogramFamily {
  readonly #children = new Map<string, { readonly labels: Record<string, string>; readonly buckets: Buckets }>();

  /** `bucketsMs`: the upper bounds, rising, without the last one, which is infinite. */
  constructor(
    private readonly described: Described,
    private readonly bucketsMs: readonly number[],
  ) {
    register(described, "histogram", () =>
      [...this.#children.values()].flatMap(({ labels, buckets }) => buckets.samples(described.name, labels)),
    );
  }

  /** The histogram of these label values, empty when it is new. To be kept by whoever observes often. */
  child(...values: string[]): HistogramChild {
    const key = values.join("\u0000");
    const child = this.#children.get(key) ?? {
      labels: labelsOf(this.described, values),
      buckets: new Buckets(this.bucketsMs),
    };
    this.#children.set(key, child);
    return child.buckets;
  }
}

class Buckets implements HistogramChild {
  readonly #counts: Float64Array;
  #sumMs = 0;

  constructor(private readonly boundsMs: readonly number[]) {
    this.#counts = new Float64Array(boundsMs.length + 1);
  }

  observeMs(durationMs: number): void {
    let bucket = 0;
    while (bucket < this.boundsMs.length && durationMs > (this.boundsMs[bucket] ?? Infinity)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sumMs += durationMs;
  }

  samples(name: string, labels: Record<string, string>): Sample[] {
    let count = 0;
    const buckets = [...this.#counts].map((inBucket, index): Sample => {
      count += inBucket;
      const boundMs = this.boundsMs[index];
      const le = boundMs === undefined ? "+Inf" : boundMs / 1000;
      return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: this.#sumMs / 1000 },
      { metricName: `${name}_count`, labels, value: count },
    ];
  }
}

function labelsOf({ name, labels }: Described, values: readonly string[]): Record<string, string> {
  if (values.length !== labels.length) throw new Error(`${name} has the labels ${labels.join(", ")}`);
  return Object.fromEntries(labels.map((label, index) => [label, values[index] ?? ""]));
}

/** The registry asks each metric for its samples and knows nothing else of it; its type names a class of the library. */
function register({ registry, name, help }: Described, type: "counter" | "histogram", samples: () => Sample[]): void {
  const metric = { name, help, type, get: async () => ({ name, help, type, values: samples() }) };
  registry.registerMetric(metric as unknown as Metric);
}
