import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { DeploymentSchema } from "../../../gen/signet/v1/bundle_pb.js";
import { EnvironmentSchema } from "../../../gen/signet/v1/organization_pb.js";
import { GetRolloutResponseSchema } from "../../../gen/signet/v1/runtime_pb.js";
import { WhoAmIResponseSchema } from "../../../gen/signet/v1/token_pb.js";
import { obstacles, whyNoPromotion } from "../../../src/console/screens/lanes/obstacles.js";
import { promotionOrder } from "../../../src/console/screens/lanes/order.js";
import { standing, standingLabel, standingWords, type Known } from "../../../src/console/screens/lanes/standing.js";

const env = (name: string, position: number, promotesTo?: string) =>
  create(EnvironmentSchema, { name, position, ...(promotesTo === undefined ? {} : { promotesTo }) });

/** An environment whose newest activation is the first of `history`. */
function known(name: string, ...history: MessageInitShape<typeof DeploymentSchema>[]): Known {
  const [newest] = history;
  const environment = create(EnvironmentSchema, {
    name,
    sequence: newest?.sequence ?? 0,
    ...(newest?.version === undefined ? {} : { activeVersion: newest.version }),
  });
  return { environment, history: history.map((each) => create(DeploymentSchema, each)) };
}

const promoted = (sequence: number, version: number, sourceVersion: number) => ({
  ...{ sequence, version, kind: "promote", policyHash: `sha256:prod-${version}` },
  ...{ sourceEnvironment: "staging", sourceVersion },
});
const published = (sequence: number, version: number, kind = "publish") => ({
  ...{ sequence, version, kind, policyHash: `sha256:${version}` },
});

describe("the order of lanes", () => {
  test.each([
    ["by position", [env("prod", 2), env("dev", 0, "staging"), env("staging", 1, "prod")], "dev staging prod"],
    ["a source before its target, whatever the positions", [env("dev", 5, "prod"), env("prod", 0)], "dev prod"],
    ["one alone", [env("only", 7)], "only"],
    ["two ways into one", [env("a", 0, "c"), env("b", 1, "c"), env("c", 2)], "a b c"],
    ["a way is not torn apart", [env("a", 0, "b"), env("x", 1), env("b", 2)], "a b x"],
    ["a circle is cut at its lowest position", [env("a", 1, "b"), env("b", 0, "a")], "b a"],
    ["one that promotes to itself", [env("a", 0, "a"), env("b", 1)], "a b"],
    ["a target that the caller does not see", [env("a", 0, "hidden"), env("b", 1)], "a b"],
    ["none", [], ""],
  ])("%s", (_, environments, order) => {
    expect(
      promotionOrder(environments)
        .map(({ environment }) => environment.name)
        .join(" "),
    ).toBe(order);
  });

  test("a lane knows its target, and whether that is the next one", () => {
    const places = promotionOrder([env("a", 0, "c"), env("b", 1, "c"), env("c", 2), env("d", 3, "hidden")]);
    expect(places.map(({ target, isTargetNext, sources }) => [target?.name, isTargetNext, sources])).toEqual([
      ["c", false, 0],
      ["c", true, 0],
      [undefined, false, 2],
      [undefined, false, 0],
    ]);
  });
});

describe("how the source stands to its target", () => {
  const staging = (version: number) => known("staging", published(version, version));
  test.each([
    ["nothing active in the source", known("staging"), known("prod"), "empty", "nothing active"],
    ["nothing active in the target", staging(1), known("prod"), "first", "not yet"],
    ["the same hash", staging(2), known("prod", published(1, 2)), "same", "same content"],
    ["promoted, with rewritten scopes", staging(3), known("prod", promoted(1, 1, 3)), "same", "same content"],
    ["two versions on", staging(5), known("prod", promoted(1, 1, 3)), "ahead", "2 ahead"],
    ["gone back", staging(2), known("prod", promoted(1, 1, 3)), "back", "1 back"],
    ["published by itself", staging(5), known("prod", published(1, 1)), "different", "differs"],
    [
      "rolled back to a version that was promoted",
      staging(5),
      known("prod", { ...promoted(3, 1, 3), kind: "rollback", sourceEnvironment: undefined }, promoted(1, 1, 4)),
      "ahead",
      "1 ahead",
    ],
    [
      "promoted from elsewhere",
      staging(5),
      known("prod", { ...promoted(1, 1, 3), sourceEnvironment: "hotfix" }),
      "different",
      "differs",
    ],
    [
      "an activation that is not loaded yet",
      { ...staging(5), history: [] },
      known("prod", published(1, 5)),
      "different",
      "differs",
    ],
  ])("%s", (_, source, target, kind, label) => {
    const at = standing(source, target);
    expect(at.kind).toBe(kind);
    expect(standingLabel(at)).toBe(label);
    expect(standingWords(at, "staging", "prod")).toMatch(/staging|prod/);
  });

  test("in words", () => {
    expect(standingWords({ kind: "ahead", versions: 1 }, "staging", "prod")).toBe("staging is 1 version ahead of prod");
    expect(standingWords({ kind: "ahead", versions: 2 }, "staging", "prod")).toBe(
      "staging is 2 versions ahead of prod",
    );
  });
});

describe("what stands in the way of a promotion", () => {
  const admin = create(WhoAmIResponseSchema, { keyType: "admin", scopes: ["read", "bundle:publish"] });
  const viewer = create(WhoAmIResponseSchema, { keyType: "viewer", scopes: ["read"] });
  const source = known("staging", published(5, 5));
  const target = known("prod", promoted(1, 1, 3));
  const held = {
    ...target,
    environment: { ...target.environment, hold: { by: "sgn_1", byName: "Ada", reason: "INC-311" } as never },
  };
  const rollout = (live: number, applied: number, rejected: number) =>
    create(GetRolloutResponseSchema, { live, applied, rejected, behind: live - applied - rejected });
  const facts = { source, target, rollout: undefined, who: admin };

  test.each([
    ["nothing", facts, []],
    ["every live runtime applied it", { ...facts, rollout: rollout(3, 3, 0) }, []],
    ["a hold", { ...facts, target: held }, ["stop prod is held: release it before anything changes it."]],
    ["a viewer", { ...facts, who: viewer }, ["stop A viewer token is read-only."]],
    ["no target", { ...facts, target: undefined }, ["stop staging promotes to nothing."]],
    ["nothing active", { ...facts, source: known("staging") }, ["stop Nothing is active in staging."]],
    [
      "nothing newer",
      { ...facts, source: known("staging", published(3, 3)) },
      ["warn prod has the content of staging."],
    ],
    [
      "a source that went back",
      { ...facts, source: known("staging", published(6, 2)) },
      ["warn staging went back 1 version"],
    ],
    [
      "a runtime that rejected it",
      { ...facts, rollout: rollout(3, 2, 1) },
      ["warn 1 of 3 live runtimes in staging rejected"],
    ],
    [
      "a rollout under way",
      { ...facts, rollout: rollout(3, 1, 0) },
      ["warn Version 5 is applied by 1 of 3 live runtimes"],
    ],
  ])("%s", (_, given, expected) => {
    const found = obstacles(given).map(({ level, text }) => `${level} ${text}`);
    expect(found).toHaveLength(expected.length);
    for (const [index, start] of expected.entries()) expect(found[index]).toContain(start);
  });

  test("a button is disabled for what nobody can do, not for what a preview explains", () => {
    expect(whyNoPromotion({ ...facts, target: held })).toBeUndefined();
    expect(whyNoPromotion({ ...facts, who: viewer })).toContain("viewer");
  });
});
