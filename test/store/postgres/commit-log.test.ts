import { expect, it } from "vitest";
import { CommitLog } from "../../../src/store/postgres/commit-log.js";

it("the log of a transaction tells of a work that was undone at its end, and not of numbers that were never given", () => {
  const log = new CommitLog();
  const numbers = (sequence: number) => ({ sequence, deploymentId: `d${sequence}`, version: 1 });
  log.add([{ kind: "environment", id: "a", numbers: numbers(1) }, { kind: "outbox" }]);
  log.add([{ kind: "environment", id: "a", numbers: numbers(2) }]);
  log.forgetNumbers();
  log.add([{ kind: "environment", id: "b", numbers: numbers(7) }]);
  expect(log.parameters("node", "mark")).toStrictEqual([
    "node",
    ["outbox", "environment", "environment", "commit"],
    ["{}", '{"id":"a"}', JSON.stringify({ id: "b", numbers: numbers(7) }), "mark"],
  ]);
  log.clear();
  expect(log.isQuiet).toBe(true);
});

it("the log of a transaction is quiet while nothing is in it that others wait for", () => {
  const log = new CommitLog();
  log.add([
    { kind: "audit", orgId: "o" },
    { kind: "delivery", webhookId: "w" },
  ]);
  expect(log.isQuiet).toBe(true);
  log.add([{ kind: "outbox" }]);
  expect(log.isQuiet).toBe(false);
});
