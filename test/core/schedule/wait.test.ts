import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { aborted, sleep, waitFor } from "../../../src/core/schedule/wait.js";

const never = new Promise<void>(() => {});

describe("waitFor", () => {
  it("tells work that was there in time from the end of the time, also of a time that no timer can hold", async () => {
    expect(await waitFor(Promise.resolve(), 1e12)).toBe(true);
    expect(await waitFor(Promise.resolve(), Infinity)).toBe(true);
    expect(await waitFor(never, 0)).toBe(false);
  });

  it("rejects as the work does", async () => {
    await expect(waitFor(Promise.reject(new Error("bad")), Infinity)).rejects.toThrow("bad");
  });

  it("ends with a signal's reason, before or while it waits, and leaves no listener", async () => {
    const reason = new Error("over");
    const quiet = new AbortController().signal;
    await expect(waitFor(never, 1e12, [quiet, AbortSignal.abort(reason)])).rejects.toBe(reason);
    const later = new AbortController();
    const waiting = waitFor(never, Infinity, [quiet, later.signal]);
    later.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect([quiet, later.signal].flatMap((signal) => getEventListeners(signal, "abort"))).toEqual([]);
  });

  it("leaves no rejection unhandled when nobody waits for the work any more", async () => {
    let fail = (_error: Error): void => {};
    const work = new Promise<void>((_resolve, reject) => (fail = reject));
    await expect(waitFor(work, Infinity, [AbortSignal.abort(new Error("over"))])).rejects.toThrow("over");
    // Vitest fails the run for a rejection that nobody handles.
    fail(new Error("late"));
  });
});

describe("sleep", () => {
  it("ends after its time, and at once and without an error when the signal aborts", async () => {
    const stopping = new AbortController();
    await sleep(0, stopping.signal);
    const sleeping = sleep(Infinity, stopping.signal);
    stopping.abort(new Error("over"));
    await sleeping;
    await sleep(1e12, stopping.signal);
    expect(getEventListeners(stopping.signal, "abort")).toEqual([]);
  });
});

it("aborted resolves at the abort, and at once when that was before", async () => {
  const stopping = new AbortController();
  const told = aborted(stopping.signal);
  stopping.abort();
  await told;
  await aborted(stopping.signal);
});
