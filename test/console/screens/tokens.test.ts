import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it, test } from "vitest";
import { KeySchema } from "../../../gen/signet/v1/bundle_pb.js";
import { EnvironmentSchema, ProjectSchema } from "../../../gen/signet/v1/organization_pb.js";
import { TokenSchema } from "../../../gen/signet/v1/token_pb.js";
import { groupKeys } from "../../../src/console/screens/keys/key-groups.js";
import {
  filterTokens,
  placeOf,
  SOON_MS,
  stateOf,
  type TokenFilter,
} from "../../../src/console/screens/tokens/token-facts.js";

const NOW = Date.parse("2026-05-01T12:00:00Z");
const token = (
  id: number,
  keyType: string,
  more: { name?: string; projectId?: string; endsMs?: number; isActive?: boolean } = {},
) => {
  const { name, projectId, endsMs, isActive = true } = more;
  return create(TokenSchema, {
    ...{ id, keyType, keyPrefix: `signet_${keyType}_${id}`, isActive },
    ...(name === undefined ? {} : { name }),
    ...(projectId === undefined ? {} : { projectId }),
    ...(endsMs === undefined ? {} : { expiresAt: timestampFromMs(endsMs) }),
  });
};

describe("how a token is", () => {
  it.each([
    [{}, "active"],
    [{ endsMs: NOW + SOON_MS + 1 }, "active"],
    [{ endsMs: NOW + SOON_MS }, "expiring"],
    [{ endsMs: NOW + 1 }, "expiring"],
    [{ endsMs: NOW }, "ended"],
    [{ isActive: false }, "ended"],
  ] as const)("%j: %s", (more, state) => expect(stateOf(token(1, "ci", more), NOW)).toBe(state));
});

describe("the filter", () => {
  const tokens = [
    token(1, "admin", { name: "First admin" }),
    token(2, "ci", { projectId: "a", endsMs: NOW + 1000 }),
    token(3, "viewer", { isActive: false, name: "gone" }),
  ];
  it.each<[TokenFilter, number[]]>([
    [{}, [1, 2]],
    [{ state: "expiring" }, [2]],
    [{ state: "ended" }, [3]],
    [{ state: "all" }, [1, 2, 3]],
    [{ q: " ADMIN ", state: "all" }, [1]],
    [{ q: "signet_ci" }, [2]],
    [{ q: "3" }, []],
    [{ type: "ci" }, [2]],
    [{ projectId: "a" }, [2]],
    [{ projectId: "b", state: "all" }, []],
  ])("%j shows %j", (filter, ids) => expect(filterTokens(tokens, filter, NOW).map(({ id }) => id)).toEqual(ids));
});

test("a place is told by names, and by ids where there are none", () => {
  const environment = create(EnvironmentSchema, { id: "e", name: "prod" });
  const projects = [create(ProjectSchema, { id: "p", name: "Payments", environments: [environment] })];
  const at = (projectId?: string, environmentId?: string, environments: string[] = []) =>
    placeOf(
      create(TokenSchema, {
        ...(projectId === undefined ? {} : { projectId }),
        ...(environmentId === undefined ? {} : { environmentId }),
        environments,
      }),
      projects,
    );
  expect(at()).toEqual({ project: undefined, environments: [] });
  expect(at("p", "e")).toEqual({ project: "Payments", environments: ["prod"] });
  expect(at("p", undefined, ["dev"])).toEqual({ project: "Payments", environments: ["dev"] });
  expect(at("other", "x")).toEqual({ project: "other", environments: ["x"] });
});

test("keys are grouped by owner, the server's first, the current one before the next and former ones", () => {
  const key = (keyId: string, state: string, madeMs: number, orgId?: string) =>
    create(KeySchema, {
      ...{ keyId, state, purpose: "bundles", createdAt: timestampFromMs(madeMs) },
      ...(orgId === undefined ? {} : { orgId }),
    });
  const keys = [
    key("org", "current", 1, "o"),
    key("old", "previous", 1),
    key("older", "previous", 0),
    key("next", "next", 5),
    key("now", "current", 3),
    create(KeySchema, { keyId: "audit", purpose: "audit", state: "current" }),
  ];
  const groups = groupKeys(keys, "bundles").map(({ owner, keys: own }) => [owner, own.map(({ keyId }) => keyId)]);
  expect(groups).toEqual([
    ["server", ["now", "next", "old", "older"]],
    ["o", ["org"]],
  ]);
});
