import { Idempotency } from "../../service/changes/idempotency.js";
import { Outbox } from "../../service/changes/outbox.js";
import { Wakeups } from "../../service/changes/wakeups.js";
import type { ServiceContext } from "./context.js";

/** What every change of state takes part in. */
export interface ChangeServices {
  readonly idempotency: Idempotency;
  readonly outbox: Outbox;
  readonly wakeups: Wakeups;
}

/** Composes what every change takes part in. */
export function composeChanges(
  { store, clock, tracing, observers }: ServiceContext,
  { consoleServer }: { readonly consoleServer: string | null },
): ChangeServices {
  return {
    idempotency: new Idempotency({ store, clock, observer: observers.idempotency }),
    outbox: new Outbox(clock, tracing, consoleServer),
    wakeups: new Wakeups(),
  };
}
