import { aborted } from "../../core/schedule/wait.js";
import { createServiceImplSpec, type MethodImplSpec, type ServiceImpl } from "@connectrpc/connect";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../../gen/health/v1/health_pb.js";
import { AppError, notFound } from "../../core/error.js";
import type { LimitObserver } from "../../core/limit.js";
import { addressKey } from "../admission/admission-address.js";
import { shuttingDown } from "../http/observed-method.js";
import { reportKey } from "../http/request-report.js";

/** The services that the health service reports, and the limits of its watches. */
export interface HealthOptions {
  /** Full names, such as `signet.v1.BundleService`. The server as a whole, which is called "", is added. */
  readonly services: readonly string[];
  /** From when on everything is NOT_SERVING. */
  readonly shutdownSignal: AbortSignal;
  /** Watches need no token: so many at once, for each client address and together. Beyond that, one of the address with most is ended. */
  readonly maxWatchesPerAddress: number;
  readonly maxWatches: number;
  readonly observer: LimitObserver;
}

/** grpc.health.v1: Check, List and Watch, as the gRPC health checking protocol says. */
export function createHealthMethods(options: HealthOptions): readonly MethodImplSpec[] {
  const known = new Set(["", ...options.services]);
  const watches = new HealthWatches(options);
  const serving = () => (options.shutdownSignal.aborted ? Status.NOT_SERVING : Status.SERVING);
  const implementation: ServiceImpl<typeof Health> = {
    check({ service }) {
      if (!known.has(service)) throw notFound("service");
      return { status: serving() };
    },
    list() {
      return { statuses: Object.fromEntries([...known].map((service) => [service, { status: serving() }])) };
    },
    async *watch({ service }, context) {
      using open = watches.open(addressKey(context.values.get(reportKey)?.clientAddress ?? ""));
      const status = () => (known.has(service) ? serving() : Status.SERVICE_UNKNOWN);
      const first = status();
      yield { status: first };
      await aborted(AbortSignal.any([context.signal, open.signal]));
      if (open.signal.aborted) throw open.signal.reason;
      if (!options.shutdownSignal.aborted) return;
      if (status() !== first) yield { status: status() };
      throw shuttingDown();
    },
  };
  return Object.values(createServiceImplSpec<typeof Health>(Health, implementation).methods);
}

/** The watches that are open, by address, oldest first. */
class HealthWatches {
  readonly #byAddress = new Map<string, Set<AbortController>>();
  #total = 0;

  constructor(private readonly options: Pick<HealthOptions, "maxWatches" | "maxWatchesPerAddress" | "observer">) {}

  /** Throws `rate_limited` when the address has too many. */
  open(address: string): Disposable & { readonly signal: AbortSignal } {
    const { maxWatches, maxWatchesPerAddress, observer } = this.options;
    const ofAddress = this.#byAddress.get(address) ?? new Set();
    if (ofAddress.size >= maxWatchesPerAddress) throw tooMany("too many health watches from this address");
    if (this.#total >= maxWatches) {
      observer.refused("max_health_watches");
      this.#makeRoom();
    }
    const watch = new AbortController();
    this.#byAddress.set(address, ofAddress);
    ofAddress.add(watch);
    this.#total += 1;
    return { signal: watch.signal, [Symbol.dispose]: () => this.#close(address, watch) };
  }

  #makeRoom(): void {
    let most: readonly [string, Set<AbortController>] | undefined;
    for (const entry of this.#byAddress) if (most === undefined || entry[1].size > most[1].size) most = entry;
    const [oldest] = most?.[1] ?? [];
    if (most === undefined || oldest === undefined) return;
    this.#close(most[0], oldest);
    oldest.abort(tooMany("too many health watches: this one was evicted"));
  }

  #close(address: string, watch: AbortController): void {
    const ofAddress = this.#byAddress.get(address);
    if (ofAddress?.delete(watch) !== true) return;
    this.#total -= 1;
    if (ofAddress.size === 0) this.#byAddress.delete(address);
  }
}

function tooMany(message: string): AppError {
  return new AppError("rate_limited", message, { reason: "too_many_health_watches", retryAfterSeconds: 60 });
}
