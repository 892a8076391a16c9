import { expect, it } from "vitest";
import { CircuitBreaker } from "../../../src/service/webhooks/circuit-breaker.js";
import { WORKER_LIMITS, workerState } from "../../../src/service/webhooks/worker-state.js";
import type { Webhook } from "../../../src/core/webhook.js";
import { MovableClock } from "../fixture.js";

const at = (outboxCursor: number | null) => ({ outboxCursor }) as Webhook;

it("follows from the outbox cursor and the circuit breaker", () => {
  const breaker = new CircuitBreaker(new MovableClock());
  const states = () => [null, at(null), at(7)].map((webhook) => workerState(webhook, breaker));
  expect(states()).toEqual(["unproven", "live", "unproven"]);
  breaker.succeeded();
  expect(states()).toEqual(["catching_up", "live", "catching_up"]);
  breaker.failed();
  expect(states()).toEqual(["unproven", "live", "unproven"]);
  for (let n = 0; n < 4; n += 1) breaker.failed();
  expect(states()).toEqual(["circuit_open", "circuit_open", "circuit_open"]);
  breaker.reset();
  expect(states()).toEqual(["catching_up", "live", "catching_up"]);
});

it("lets an endpoint whose circuit is open take least, after everything else", () => {
  const { live, catching_up, unproven, circuit_open } = WORKER_LIMITS;
  expect(catching_up).toEqual(live);
  expect(unproven.queued).toBeLessThan(live.queued);
  expect(circuit_open).toEqual({ queued: 1, lanes: 1, retries: 1, isLowPriority: true, precedence: "last" });
});
