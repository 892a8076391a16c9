import { expect, it } from "vitest";
import { SingleFlight } from "../../../src/core/schedule/single-flight.js";

it("shares a call under way by its key, and makes a new one after it, good or bad", async () => {
  const flights = new SingleFlight<string, string>();
  const settle: ((error?: Error) => void)[] = [];
  const call = (key: string) =>
    flights.run(
      key,
      () => new Promise((resolve, reject) => settle.push((error) => (error ? reject(error) : resolve(`${key}!`)))),
    );
  const [first, joined, other] = [call("a"), call("a"), call("b")];
  expect(settle).toHaveLength(2);
  settle[0]?.();
  settle[1]?.(new Error("bad"));
  expect(await Promise.all([first, joined])).toEqual(["a!", "a!"]);
  await expect(other).rejects.toThrow("bad");
  const again = [call("a"), call("b")];
  expect(settle).toHaveLength(4);
  settle[2]?.();
  settle[3]?.();
  expect(await Promise.all(again)).toEqual(["a!", "b!"]);
});
