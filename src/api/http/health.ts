import { createServiceImplSpec, type HandlerContext, type MethodImplSpec, type ServiceImpl } from "@connectrpc/connect";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../../gen/health/v1/health_pb.js";
import { AppError, notFound } from "../../core/error.js";
import { shuttingDown } from "./observed-method.js";
import { reportKey } from "./request-report.js";

export interface HealthOptions {
  /** Full names, such as `signet.v1.BundleService`. The server as a whole, which is called "", is added. */
  readonly services: readonly string[];
  /** From when on everything is NOT_SERVING. */
  readonly shutdownSignal: AbortSignal;
  /** Watches need no token: so many at once, for each client address and together. */
  readonly maxWatchesPerAddress: number;
  readonly maxWatches: number;
}

/** grpc.health.v1: Check, List and Watch, as the gRPC health checking protocol says. */
export function createHealthMethods(options: HealthOptions): readonly MethodImplSpec[] {
  const known = new Set(["", ...options.services]);
  const watches = new WatchCount(options.maxWatches, options.maxWatchesPerAddress);
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
      using _open = watches.open(context.values.get(reportKey)?.clientAddress ?? "");
      const status = () => (known.has(service) ? serving() : Status.SERVICE_UNKNOWN);
      const first = status();
      yield { status: first };
      await aborted(context);
      if (!options.shutdownSignal.aborted) return;
      if (status() !== first) yield { status: status() };
      throw shuttingDown();
    },
  };
  return Object.values(createServiceImplSpec<typeof Health>(Health, implementation).methods);
}

class WatchCount {
  private total = 0;
  private readonly byAddress = new Map<string, number>();

  constructor(
    private readonly max: number,
    private readonly maxPerAddress: number,
  ) {}

  open(address: string): Disposable {
    const before = this.byAddress.get(address) ?? 0;
    if (this.total >= this.max || before >= this.maxPerAddress) {
      throw new AppError("rate_limited", "too many health watches", { retryAfterSeconds: 60 });
    }
    this.total++;
    this.byAddress.set(address, before + 1);
    return { [Symbol.dispose]: () => this.close(address) };
  }

  private close(address: string): void {
    this.total--;
    const left = (this.byAddress.get(address) ?? 1) - 1;
    if (left === 0) this.byAddress.delete(address);
    else this.byAddress.set(address, left);
  }
}

/** Resolves when the client goes away, its deadline passes, or the server shuts down. */
async function aborted({ signal }: HandlerContext): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
