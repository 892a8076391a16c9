import { expect, it } from "vitest";
import { inSteps } from "../../src/core/schedule/in-steps.js";
import { JobRunner } from "../../src/server/job-runner.js";

it("a stop ends a job between two steps, however much is left, and starts none again", async () => {
  const runner = new JobRunner({ error: () => undefined }, { hasTold: () => false });
  let [runs, steps] = [0, 0];
  let hasBegun = (): void => {};
  const begun = new Promise<void>((resolve) => (hasBegun = resolve));
  const run = async (signal: AbortSignal) => {
    runs += 1;
    await inSteps(async () => {
      steps += 1;
      if (steps === 3) hasBegun();
      return true;
    }, signal);
  };
  runner.start([{ name: "endless", everyMs: 1, run }]);
  await begun;
  await runner[Symbol.asyncDispose]();
  const before = steps;
  await new Promise((resolve) => setImmediate(resolve));
  expect([runs, steps]).toEqual([1, before]);
});
