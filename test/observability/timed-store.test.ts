import { Registry } from "prom-client";
import { expect, it } from "vitest";
import { timeStore } from "../../src/observability/timed-store.js";
import type { Store } from "../../src/store/store.js";
import { useServices } from "../service/fixture.js";

const signet = useServices();

it("counts a transaction once that is run again", async () => {
  const { store } = signet;
  const repeating: Store = {
    ...store,
    write: async (work) => {
      await store.write(work);
      return await store.write(work);
    },
  };
  const registry = new Registry();
  await timeStore(repeating, registry).write(async () => undefined);
  const text = await registry.metrics();
  expect(text).toContain("signet_store_write_wait_duration_seconds_count 1\n");
  expect(text).toContain("signet_store_transaction_duration_seconds_count 1\n");
});
