import { describe, expect, it } from "vitest";
import { publishInput, useServices } from "../fixture.js";

describe("activation", () => {
  const signet = useServices();
  const deployments = async () =>
    (await signet.services.bundles.deployments(signet.admin, signet.path("dev"), 100, 0)).rows;

  it.each([
    ["an older version is a rollback", [1], "rollback", 3],
    ["the same version again is an activation of its own", [3], "activate", 3],
    ["a newer version after a rollback is an activation", [1, 2], "activate", 1],
  ])("%s", async (_, versions, kind, fromVersion) => {
    for (let n = 1; n <= 3; n += 1) await signet.publish("dev", { n });
    for (const version of versions) await signet.activate("dev", version);
    const [newest] = await deployments();
    const version = versions.at(-1);
    const sequence = 3 + versions.length;
    expect(newest).toMatchObject({ kind, fromVersion, version, sequence, actor: signet.admin.keyPrefix });
    expect(await signet.environment("dev")).toMatchObject({
      activeVersion: version,
      sequence,
      activeDeploymentId: newest?.id,
      lastVersion: 3,
    });
    expect(await signet.count("bundles")).toBe(3);
  });

  it("of a version that was only kept makes it the first active one", async () => {
    const input = { policies: "{}", scopePolicies: null, publishedBy: null, title: null, description: null };
    const kept = publishInput({ ...input, activate: false });
    await signet.services.publishing.publish(signet.change(), signet.path("dev"), kept);
    const state = await signet.activate("dev", 1);
    expect(state).toMatchObject({ isActive: true, sequence: 1 });
    expect(await deployments()).toMatchObject([{ kind: "activate", fromVersion: null }]);
  });

  it.each([
    ["a version that never was", 9, ""],
    ["a version that was deleted", 1, ": it was deleted"],
    ["version 0", 0, ""],
  ])("of %s is refused, and nothing changes", async (_, version, why) => {
    await signet.publish("dev", { n: 1 });
    await signet.publish("dev", { n: 2 });
    await signet.services.bundles.delete(signet.admin, signet.path("dev"), 1);
    const before = await signet.fingerprint();
    const refused = signet.activate("dev", version, signet.change({ idempotencyKey: "k" }));
    const message = `version ${version} of "dev" not found${why}`;
    await expect(refused).rejects.toMatchObject({ code: "not_found", message });
    expect(await signet.fingerprint()).toEqual(before);
  });

  it("is refused when If-Match names another sequence", async () => {
    await signet.publish("dev", { n: 1 });
    await signet.publish("dev", { n: 2 });
    const before = await signet.fingerprint();
    const refused = signet.activate("dev", 1, signet.change({ ifSequence: 1 }));
    await expect(refused).rejects.toMatchObject({ code: "precondition_failed" });
    expect(await signet.fingerprint()).toEqual(before);
  });

  it("gives each of two that come at once a sequence of its own", async () => {
    await signet.publish("dev", { n: 1 });
    const both = await Promise.all([signet.activate("dev", 1), signet.activate("dev", 1)]);
    expect(both.map(({ sequence }) => sequence).sort()).toEqual([2, 3]);
    expect((await deployments()).map(({ sequence }) => sequence)).toEqual([3, 2, 1]);
  });
});

describe("the deletion of a version", () => {
  const signet = useServices();

  it("is refused while it is active", async () => {
    await signet.publish("dev");
    const before = await signet.fingerprint();
    const refused = signet.services.bundles.delete(signet.admin, signet.path("dev"), 1);
    await expect(refused).rejects.toMatchObject({ code: "conflict" });
    expect(await signet.fingerprint()).toEqual(before);
  });

  it("leaves the story of its activations, and the content that another version has", async () => {
    await signet.publish("dev", { n: 1 });
    await signet.publish("prod", { n: 1 });
    await signet.publish("dev", { n: 2 });
    await signet.services.bundles.delete(signet.admin, signet.path("dev"), 1);
    expect(await signet.count("deployments")).toBe(3);
    expect(await signet.count("contents")).toBe(2);
    const gone = signet.services.bundles.get(signet.admin, signet.path("dev"), 1);
    await expect(gone).rejects.toMatchObject({ code: "not_found" });
    const { content } = await signet.services.bundles.get(signet.admin, signet.path("prod"), 1);
    expect(content.policies).toBe('{"n":1}');
  });
});

describe("what differs between two versions", () => {
  const signet = useServices();

  it("is a JSON Patch from the one to the other", async () => {
    await signet.publish("dev", { a: 1, b: [1], gone: true });
    await signet.publish("dev", { a: 2, b: [1, 2] });
    const { signal } = new AbortController();
    const diff = (...versions: [number, number]) =>
      signet.services.bundles.diff(signet.admin, signet.path("dev"), versions, signal);
    const patch = JSON.parse(await diff(1, 2)) as unknown[];
    expect(patch).toHaveLength(3);
    expect(patch).toEqual(
      expect.arrayContaining([
        { op: "remove", path: "/gone" },
        { op: "replace", path: "/a", value: 2 },
        { op: "add", path: "/b/1", value: 2 },
      ]),
    );
    expect(await diff(1, 1)).toBe("[]");
  });

  it("tells a float from an integer, and one spelling from another in nothing", async () => {
    const publish = (policies: string) =>
      signet.services.publishing.publish(signet.change(), signet.path("dev"), publishInput({ policies }));
    await publish('{"a":1,"b":1e2,"c":[1,2]}');
    await publish('{"a":1.0,"b":100.0,"c":[1,2.0,1e-5]}');
    const { signal } = new AbortController();
    const patch = await signet.services.bundles.diff(signet.admin, signet.path("dev"), [1, 2], signal);
    for (const operation of [
      '{"op":"replace","path":"/a","value":1.0}',
      '{"op":"replace","path":"/c/1","value":2.0}',
      '{"op":"add","path":"/c/2","value":1e-05}',
    ]) {
      expect(patch).toContain(operation);
    }
    expect(JSON.parse(patch)).toHaveLength(3);
  });
});
