import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { Deadline } from "../../../src/core/schedule/deadline.js";
import { aborted } from "../../../src/core/schedule/wait.js";

it("a deadline comes although garbage was collected, and another signal comes before it", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  using deadline = new Deadline(50, new AbortController().signal);
  const { signal } = deadline;
  collect();
  await aborted(signal);

  const outer = new AbortController();
  using long = new Deadline(3_600_000, outer.signal);
  outer.abort(new Error("stopped"));
  expect(long.signal.reason).toMatchObject({ message: "stopped" });
});
