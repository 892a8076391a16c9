import { describe, expect, it } from "vitest";
import { BundleService } from "../../../gen/signet/v1/bundle_pb.js";
import { TokenService } from "../../../gen/signet/v1/token_pb.js";
import { bind, refusalOf } from "./bind-fixture.js";
import { onlyMethod } from "./proto-fixture.js";

const { getBundle, diffBundles, activateBundle } = BundleService.method;
const base = { org_id: "o", project_id: "p", env_name: "dev" };

describe("path", () => {
  it("fills scalars by their type", () => {
    expect(bind(getBundle, { path: { ...base, version: "7" } })).toEqual({
      orgId: "o",
      projectId: "p",
      envName: "dev",
      version: 7,
    });
    expect(bind(TokenService.method.revokeToken, { path: { org_id: "o", key_id: "4294967295" } })).toMatchObject({
      keyId: 4294967295,
    });
  });

  it.each(["1e2", "0x10", "+3", "01", "1.0", "1_000", "abc", "٣", " 7", "7 ", "-0", "NaN", "Infinity", "0b1"])(
    "version %j is no integer",
    (version) => {
      expect(refusalOf(getBundle, { path: { ...base, version } })).toEqual(["invalid", "path.version type"]);
    },
  );

  it.each(["4294967296", "-1", "99999999999999999999"])("version %j is out of range", (version) => {
    expect(refusalOf(getBundle, { path: { ...base, version } })).toEqual(["invalid", "path.version range"]);
  });

  it("tells of every field at once, with body and path together", () => {
    const path = { ...base, version: "x", other_version: "y" };
    expect(refusalOf(diffBundles, { path })).toEqual(["invalid", "path.version type", "path.other_version type"]);
    expect(refusalOf(activateBundle, { path: { ...base, version: "x" }, body: "[]" })).toEqual([
      "invalid",
      "body type",
      "path.version type",
    ]);
  });

  it("the path wins over the body, whose value is not even looked at", () => {
    const path = { ...base, version: "7" };
    const body = '{"version": "eight", "org_id": 5, "env_name": null}';
    expect(bind(activateBundle, { path, body })).toMatchObject({ orgId: "o", envName: "dev", version: 7 });
  });

  it("the path wins over the query", () => {
    const path = { ...base, version: "7" };
    expect(bind(getBundle, { path, query: "version=x&org_id=other" })).toMatchObject({ orgId: "o", version: 7 });
  });

  it("goes into nested messages, enums, booleans and signed integers", () => {
    const messages = {
      Request: ["Inner inner"],
      Inner: ["Color color", "bool on", "sint32 n", "string name"],
      Response: [],
    };
    const value = "/{inner.color}/{inner.on}/{inner.n}";
    const method = onlyMethod(messages, { rule: { pattern: { case: "get", value } } });
    const path = { "inner.color": "GREEN", "inner.on": "true", "inner.n": "-5" };
    expect(bind(method, { path, query: "inner.name=x" })).toMatchObject({
      inner: { color: 2, on: true, n: -5, name: "x" },
    });
    expect(refusalOf(method, { path: { "inner.color": "2", "inner.on": "1", "inner.n": "2147483648" } })).toEqual([
      "invalid",
      "path.inner.color enum",
      "path.inner.on type",
      "path.inner.n range",
    ]);
  });

  it("no field is empty, which only ** can be", () => {
    const rule = { pattern: { case: "get" as const, value: "/files/{name=**}" } };
    const method = onlyMethod({ Request: ["string name"], Response: [] }, { rule });
    expect(refusalOf(method, { path: { name: "" } })).toEqual(["invalid", "path.name missing"]);
    expect(bind(method, { path: { name: "a/b" } })).toEqual({ name: "a/b" });
  });
});
