import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { useTwoSites } from "./two-sites.js";

describe("a transfer between two sites", () => {
  const sites = useTwoSites();
  const importing = (name: string, ...options: readonly string[]) =>
    sites.at(sites.here, ["import", sites.file(name), "--env", "prod", ...options]);

  it("is refused until the other site's key is trusted, and then carried out once", async () => {
    await sites.publish({ n: 1 });
    await sites.export("one.tar");
    const refused = await importing("one.tar");
    expect(refused).toMatchObject({ exitCode: 8, out: "" });
    expect(refused.err).toMatch(/^signet: not verified: no trusted key signed the provenance; it names [0-9a-f]{16}/);
    expect(refused.err).toContain("signet trust-origin add");
    await sites.trust();
    const listed = await sites.done(sites.here, ["trust-origin", "list"]);
    const { out: theirs } = await sites.done(sites.there, ["keys"]);
    expect(theirs).toContain(/SHA256:[0-9a-f]{64}/.exec(listed.out)?.[0]);

    expect((await importing("one.tar", "--dry-run")).out).toBe(
      "version 1 of prod at hq: verified; would be imported to prod\n",
    );
    expect((await importing("one.tar")).out).toBe(
      "version 1 of prod at hq: imported as version 1 of prod, not active: signet activate 1 --env prod activates it\n",
    );
    expect(await importing("one.tar", "--activate")).toMatchObject({
      exitCode: 0,
      out: "version 1 of prod at hq: imported before as version 1 of prod, not active: signet activate 1 --env prod activates it\n",
    });
    const { out } = await sites.done(sites.here, ["bundles", "get", "1", "--env", "prod"]);
    expect(out).toMatch(/^origin +import$/m);
    const origin = (await sites.done(sites.here, ["bundles", "origin", "1", "--env", "prod"])).out;
    expect(origin).toMatch(/^trusted origin +hq$/m);
    expect(origin).toMatch(/^1 +publish +\S+ \S+ +/m);
  });

  it("carries all versions, activates the one that was active, and carries on where it was", async () => {
    await sites.publish({ n: 2 });
    await sites.publish({ n: 3 });
    await sites.done(sites.there, ["activate", "2", "--env", "prod"]);
    await sites.export("all.tar", "--all");
    const { out } = await importing("all.tar", "--activate", "--reason", "INC-1", "--imported-by", "carrier", "--json");
    const responses = JSON.parse(out) as { already_imported: boolean; bundle: Record<string, unknown> }[];
    expect(
      responses.map(({ already_imported, bundle }) => [already_imported, bundle["version"], bundle["is_active"]]),
    ).toEqual([
      [true, 1, false],
      [false, 2, true],
      [false, 3, false],
    ]);
    expect(responses[1]?.bundle).toMatchObject({ published_by: "carrier", sequence: 1 });
    const { out: deployments } = await sites.done(sites.here, ["deployments", "--env", "prod", "--json"]);
    expect(JSON.parse(deployments)).toMatchObject({ data: [{ kind: "import", version: 2 }], total: 1 });
  });

  it("names the file that it cannot write, and leaves nothing beside it", async () => {
    const exporting = (name: string) => sites.at(sites.there, ["export", "--env", "prod", "-o", sites.file(name)]);
    const missing = await exporting("missing/prod.tar");
    expect(missing).toMatchObject({ exitCode: 6, out: "" });
    expect(missing.err).toContain(`signet: cannot write ${sites.file("missing/prod.tar")}: no such file or directory`);
    // The last step fails: a file cannot replace a directory.
    await mkdir(sites.file("taken"));
    expect(await exporting("taken")).toMatchObject({ exitCode: 6, out: "" });
    expect((await readdir(sites.file("."))).filter((name) => name.startsWith("taken"))).toEqual(["taken"]);
  });

  it("exports what was activated since a sequence, one version, or the active one, to a file or a pipe", async () => {
    const versionsOf = async (...options: readonly string[]) => {
      const argv = ["export", "--env", "prod", "-o", sites.file("some.tar"), "--json", ...options];
      return (JSON.parse((await sites.done(sites.there, argv)).out) as { versions: number[] }).versions;
    };
    expect(await versionsOf()).toEqual([2]);
    expect(await versionsOf("--version", "3")).toEqual([3]);
    expect(await versionsOf("--since", "0")).toEqual([1, 2, 3]);
    expect(await versionsOf("--since", "2")).toEqual([2, 3]);
    const piped = await sites.at(sites.there, ["export", "--env", "prod", "-o", "-"]);
    await sites.export("active.tar");
    expect(Buffer.from(piped.out)).toEqual(await readFile(sites.file("active.tar")));
    expect(piped.err).toContain("exported version 2 of prod");
  });

  it.each([
    [["--since", "99"], 4, 'nothing was activated in "prod" after sequence 99'],
    [["--version", "99"], 4, 'version 99 of "prod" not found'],
    [["--version", "1", "--all"], 2, "exclude each other"],
    [["--env", "dev"], 4, 'nothing is active in "dev"'],
    [["--env", "nosuch"], 4, "existing: dev, staging, prod"],
  ])("says why %j cannot be exported, and leaves no file", async (options, exitCode, message) => {
    const argv = ["export", "--env", "prod", "-o", sites.file("none.tar"), ...options];
    const result = await sites.at(sites.there, argv);
    expect(result).toMatchObject({ exitCode, out: "" });
    expect(result.err).toContain(message);
    await expect(readFile(sites.file("none.tar"))).rejects.toThrow("ENOENT");
  });

  it("refuses to write to a terminal", async () => {
    const argv = ["export", "--env", "prod", "-o", "-"];
    const result = await sites.at(sites.there, argv, undefined, { isTerminal: true });
    expect(result).toMatchObject({ exitCode: 2, out: "" });
  });

  it("verifies an export without a server", async () => {
    await sites.export("verified.tar", "--all");
    const argv = ["verify", sites.file("verified.tar"), "--keys", sites.file("keys.pem")];
    const { out } = await sites.done(sites.here, [...argv, "--env", "prod", "--json"]);
    expect(JSON.parse(out)).toMatchObject({ valid: true, versions: [{ version: 1 }, { version: 2 }, { version: 3 }] });
    expect((await sites.at(sites.here, [...argv, "--env", "dev"])).exitCode).toBe(8);
    await writeFile(sites.file("ours.pem"), (await sites.done(sites.here, ["keys", "--pem"])).out);
    const unknown = ["verify", sites.file("verified.tar"), "--keys", sites.file("ours.pem")];
    expect(await sites.at(sites.here, unknown)).toMatchObject({ exitCode: 8, out: "" });
  });

  it("imports nothing of a file that is damaged, or larger than the quota", async () => {
    const { admin, orgId } = sites.here;
    const target = ["import", sites.file("full.tar"), "--env", "staging"];
    await sites.publish({ n: 4 });
    const tar = await sites.export("full.tar", "--all");
    await admin.organizations.updateOrganization({
      ...{ orgId, versionsPerEnvironment: 3, updateMask: { paths: ["versions_per_environment"] } },
    });
    const over = await sites.at(sites.here, target);
    expect(over).toMatchObject({ exitCode: 6, out: "" });
    expect(over.err).toContain('the plan allows 3 more versions in "staging", and 4 are new');
    await admin.organizations.updateOrganization({
      ...{ orgId, updateMask: { paths: ["versions_per_environment"] } },
    });
    await writeFile(sites.file("full.tar"), tar.subarray(0, -512));
    const cut = await sites.at(sites.here, target);
    expect(cut).toMatchObject({ exitCode: 8, out: "" });
    expect(cut.err).toBe("signet: not verified: the file is not a complete export: it is cut: its end is missing\n");
    const { out } = await sites.done(sites.here, ["bundles", "--env", "staging", "--json"]);
    expect(out).toBe("[]\n");
  });

  it("is for those who may publish, and trust is for administrators", async () => {
    const { admin, orgId, projectId } = sites.here;
    const ci = (await admin.tokens.createCiToken({ orgId, projectId, environments: ["dev"] })).rawKey ?? "";
    const runtime = (await admin.organizations.createProject({ orgId, name: "other" })).runtimeKeys[0]?.rawKey ?? "";
    await sites.export("rights.tar");
    const argv = (env: string) => ["import", sites.file("rights.tar"), "--env", env];
    expect((await sites.at(sites.here, argv("dev"), ci)).exitCode).toBe(0);
    expect((await sites.at(sites.here, argv("prod"), ci)).exitCode).toBe(3);
    expect((await sites.at(sites.here, [...argv("dev"), "--project", projectId], runtime)).exitCode).toBe(3);
    const add = ["trust-origin", "add", "x", "--keys", sites.file("ours.pem")];
    expect((await sites.at(sites.here, add, ci)).exitCode).toBe(3);
  });

  it("ends with the trust", async () => {
    await sites.export("last.tar");
    expect((await sites.at(sites.here, ["trust-origin", "remove", "nosuch"])).err).toContain("existing: hq");
    await sites.done(sites.here, ["trust-origin", "remove", "hq"]);
    expect((await importing("last.tar")).exitCode).toBe(8);
    const { out } = await sites.done(sites.here, ["bundles", "--env", "prod"]);
    expect(out.match(/import/g)).toHaveLength(3);
  });
});
