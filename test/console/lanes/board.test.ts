import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { PipelineSchema } from "../../../gen/signet/v1/pipeline_pb.js";
import { changeQuery, parseChange } from "../../../src/console/screens/lanes/change/change.js";
import { createKey } from "../../../src/console/screens/lanes/change/retry-key.js";
import {
  moved,
  placedApps,
  proposedTargets,
  sourcesOf,
  targetsOf,
} from "../../../src/console/screens/pipelines/board.js";

const app = (appId: string, activeVersion?: number) => ({
  appId,
  ...(activeVersion === undefined ? {} : { activeVersion }),
});

// The stages stand in another order than they have.
const pipeline = create(PipelineSchema, {
  stages: [
    { id: "last", order: 3, apps: [app("us"), app("eu", 2)] },
    { id: "first", order: 0, apps: [app("dev", 9), app("trial")] },
    { id: "empty", order: 1, apps: [] },
    { id: "middle", order: 2, apps: [app("staging", 4)] },
  ],
});
const ids = (placed: readonly { readonly app: { readonly appId: string } }[]) =>
  placed.map(({ app: { appId } }) => appId);

describe("a pipeline's board", () => {
  test("lists apps in promotion order", () => {
    expect(ids(placedApps(pipeline))).toEqual(["dev", "trial", "staging", "us", "eu"]);
  });

  test.each([
    ["dev", ["staging", "us", "eu"], ["staging"]],
    ["staging", ["us", "eu"], ["us", "eu"]],
    ["eu", [], []],
    ["unknown", [], []],
  ])("promotes %s to later stages, and proposes the next one that has environments", (source, targets, proposed) => {
    expect(ids(targetsOf(pipeline, source))).toEqual(targets);
    expect(proposedTargets(pipeline, source)).toEqual(proposed);
  });

  test("a source has something active and somewhere to go", () => {
    expect(ids(sourcesOf(pipeline))).toEqual(["dev", "staging"]);
  });

  test("a stage changes places with its neighbour, and stays at the ends", () => {
    expect(moved(pipeline, "middle", 1)).toEqual([
      { stageId: "middle", order: 3 },
      { stageId: "last", order: 2 },
    ]);
    expect(moved(pipeline, "first", -1)).toEqual([]);
    expect(moved(pipeline, "last", 1)).toEqual([]);
    expect(moved(pipeline, "unknown", 1)).toEqual([]);
  });
});

describe("the change in the URL", () => {
  test.each([
    [{ promote: "dev" }, { kind: "promote", env: "dev" }],
    [{ activate: "prod@3" }, { kind: "activate", env: "prod", version: 3 }],
    [{ activate: "prod@0" }, { kind: "activate", env: "prod" }],
    [{ activate: "prod@1e3" }, { kind: "activate", env: "prod" }],
    [{ rollback: "" }, undefined],
    [{ q: "x" }, undefined],
  ] as const)("%o", (query, change) => {
    expect(parseChange(query)).toEqual(change);
  });

  test("replaces every other one", () => {
    expect(changeQuery({ kind: "activate", env: "prod", version: 3 })).toEqual({
      ...{ promote: undefined, rollback: undefined, hold: undefined, release: undefined },
      activate: "prod@3",
    });
    expect(Object.values(changeQuery(undefined)).every((value) => value === undefined)).toBe(true);
  });
});

test("a second try has the key of the first one, another request has another one", () => {
  const key = createKey();
  const first = key({ sequence: 3, reason: "a" });
  expect(first).toMatch(/^console-[0-9a-f]{32}$/);
  expect(key({ sequence: 3, reason: "a" })).toBe(first);
  expect(key({ sequence: 4, reason: "a" })).not.toBe(first);
  expect(createKey()({ sequence: 3, reason: "a" })).not.toBe(first);
});
