import { chmod, lstat, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { requireSafeNames } from "../../../src/agent/outputs/safe-names.js";
import { fakePack } from "../fake-source.js";
import { Rig, rule } from "./rig.js";

const modeOf = async (path: string) => (await lstat(path)).mode & 0o7777;

describe("a file", () => {
  it("has the document, the content or the policies, 0644 in a directory that is made, and nothing is left beside it", async () => {
    await using rig = await Rig.open();
    const paths = { document: "a/document.json", content: "content.json", policies: "policies.json" } as const;
    const rules = (["document", "content", "policies"] as const).map((kind) => rule(kind, rig.path(paths[kind])));
    const outputs = await rig.outputs({ rules });
    const pack = fakePack(7);
    expect(await outputs.apply(pack)).toEqual({ state: "applied", hasChanged: true });
    expect(await readFile(rig.path(paths.document))).toEqual(await pack.document());
    expect(await readFile(rig.path(paths.content))).toEqual(pack.content);
    expect(await readFile(rig.path(paths.policies), "utf8")).toBe('{"number":7}');
    for (const name of Object.values(paths)) expect(await modeOf(rig.path(name))).toBe(0o644);
    expect((await readdir(rig.directory)).toSorted()).toEqual(["a", "content.json", "policies.json", "state"]);
    expect(await readdir(rig.path("a"))).toEqual(["document.json"]);
  });

  it("keeps the permissions of the file that is there, unless the rule has others", async () => {
    await using rig = await Rig.open();
    await writeFile(rig.path("kept"), "old");
    await writeFile(rig.path("given"), "old");
    await chmod(rig.path("kept"), 0o640);
    const rules = [rule("policies", rig.path("kept")), rule("policies", rig.path("given"), 0o600)];
    const outputs = await rig.outputs({ rules });
    await outputs.apply(fakePack(1));
    expect([await modeOf(rig.path("kept")), await modeOf(rig.path("given"))]).toEqual([0o640, 0o600]);
  });

  it("is not written again when it has the content already", async () => {
    await using rig = await Rig.open();
    const outputs = await rig.outputs({ rules: [rule("policies", rig.path("p.json"))] });
    await outputs.apply(fakePack(1, { policies: { a: 1 } }));
    const before = await stat(rig.path("p.json"));
    expect(await outputs.apply(fakePack(2, { policies: { a: 1 } }))).toEqual({ state: "applied", hasChanged: false });
    const after = await stat(rig.path("p.json"));
    expect([after.ino, after.mtimeMs]).toEqual([before.ino, before.mtimeMs]);
    expect(outputs.applied?.sequence).toBe(2);
  });

  it.each([
    ["a symbolic link", (path: string) => symlink("other", path), /is a symbolic link: name the file/],
    ["a directory", (path: string) => mkdir(path), /is a directory: name a file/],
  ])("is refused where there is %s, which stays", async (_, make, reason) => {
    await using rig = await Rig.open();
    await writeFile(rig.path("other"), "of another");
    await make(rig.path("p.json"));
    const outputs = await rig.outputs({ rules: [rule("policies", rig.path("p.json"))] });
    const outcome = await outputs.apply(fakePack(1));
    expect(outcome).toMatchObject({ state: "rejected", isTemporary: true });
    expect((outcome as { reason: string }).reason).toMatch(reason);
    expect((await lstat(rig.path("p.json"))).isFile()).toBe(false);
    expect(await readFile(rig.path("other"), "utf8")).toBe("of another");
  });

  it("stays when another output cannot be written, and is written when that one can", async () => {
    await using rig = await Rig.open();
    await writeFile(rig.path("blocked"), "no directory");
    const rules = [rule("policies", rig.path("p.json")), rule("content", rig.path("blocked", "c.json"))];
    const first = await rig.outputs({ rules: rules.slice(0, 1) });
    await first.apply(fakePack(1));
    const outputs = await rig.outputs({ rules });
    const outcome = await outputs.apply(fakePack(2));
    expect(outcome).toMatchObject({ state: "rejected", isTemporary: true });
    expect((outcome as { reason: string }).reason).toMatch(/cannot make .*blocked/);
    expect(await readFile(rig.path("p.json"), "utf8")).toBe('{"number":1}');
    expect((await readdir(rig.directory)).toSorted()).toEqual(["blocked", "p.json", "state"]);
    const elsewhere = await rig.outputs({ rules: [rules[0] ?? rule("policies", "")] });
    expect(await elsewhere.apply(fakePack(2))).toMatchObject({ state: "applied" });
  });
});

describe("a set of files", () => {
  const files = { ".manifest": "{}", "app/allow.rego": "package app", "app/deep/data.json": "{}" };

  it("is a symbolic link to a directory of its own, which a new set replaces and the one after that removes", async () => {
    await using rig = await Rig.open();
    const outputs = await rig.outputs({ rules: [rule("files", rig.path("policies"))] });
    await outputs.apply(fakePack(1, { files }));
    const first = await readlink(rig.path("policies"));
    expect(first).toMatch(/^\.policies\.sets\/1-[0-9a-f]{8}$/);
    expect(await readFile(rig.path("policies/app/allow.rego"), "utf8")).toBe("package app");
    expect(await modeOf(rig.path("policies/app/allow.rego"))).toBe(0o644);
    expect(await modeOf(rig.path("policies/app/deep"))).toBe(0o755);
    await outputs.apply(fakePack(2, { files: { "app/other.rego": "package app" } }));
    expect(await readdir(rig.path("policies/app"))).toEqual(["other.rego"]);
    // A reader that is in it goes on.
    expect(await readFile(rig.path(first, "app/allow.rego"), "utf8")).toBe("package app");
    await outputs.apply(fakePack(3, { files }));
    expect(await readdir(rig.path(".policies.sets"))).toHaveLength(2);
    await expect(readdir(rig.path(first))).rejects.toThrow("ENOENT");
    expect((await readdir(rig.directory)).toSorted()).toEqual([".policies.sets", "policies", "state"]);
  });

  it("stays as it is when the next one is the same; what somebody changed in it is replaced", async () => {
    await using rig = await Rig.open();
    const outputs = await rig.outputs({ rules: [rule("files", rig.path("policies"))] });
    await outputs.apply(fakePack(1, { files }));
    const first = await readlink(rig.path("policies"));
    expect(await outputs.apply(fakePack(2, { files }))).toEqual({ state: "applied", hasChanged: false });
    expect(await readlink(rig.path("policies"))).toBe(first);
    await writeFile(rig.path("policies/app/more.rego"), "package more");
    expect(await outputs.apply(fakePack(2, { files }))).toEqual({ state: "applied", hasChanged: true });
    expect(await readlink(rig.path("policies"))).not.toBe(first);
    expect(await readdir(rig.path("policies/app"))).toEqual(["allow.rego", "deep"]);
  });

  it.each([
    ["a directory", (path: string) => mkdir(path), /is a directory, and the set needs a symbolic link/],
    ["a link elsewhere", (path: string) => symlink("elsewhere", path), /a symbolic link to elsewhere, which is no set/],
  ])("is refused where there is %s, which stays", async (_, make, reason) => {
    await using rig = await Rig.open();
    await make(rig.path("policies"));
    const outputs = await rig.outputs({ rules: [rule("files", rig.path("policies"))] });
    const outcome = await outputs.apply(fakePack(1, { files }));
    expect(outcome).toMatchObject({ state: "rejected", isTemporary: true });
    expect((outcome as { reason: string }).reason).toMatch(reason);
    expect((await readdir(rig.directory)).toSorted()).toEqual(["policies", "state"]);
  });

  it.each([
    ...["/etc/passwd", "../up.rego", "a/../../up.rego", "./a.rego", "a//b.rego", "a/", "", "a\\b.rego", "a\nb.rego"],
    `${"x".repeat(256)}.rego`,
    "a/".repeat(600),
  ])("with the name %j is refused, and nothing is written", async (name) => {
    await using rig = await Rig.open();
    const outputs = await rig.outputs({ rules: [rule("files", rig.path("in/policies"))] });
    const outcome = await outputs.apply(fakePack(1, { files: { "a.rego": "package a", [name]: "x" } }));
    expect(outcome).toMatchObject({ state: "rejected", isTemporary: false });
    expect(await readdir(rig.directory)).toEqual(["state"]);
  });

  it("with two files of one name, or a file in the place of a directory, is refused", () => {
    expect(() => requireSafeNames([{ name: "a" }, { name: "a" }])).toThrow('"a" of the set is there twice');
    expect(() => requireSafeNames([{ name: "a/b" }, { name: "a" }])).toThrow(
      '"a" of the set is a file and a directory',
    );
    expect(() => requireSafeNames([{ name: "a/b" }, { name: "a/c" }, { name: "b" }])).not.toThrow();
  });
});
