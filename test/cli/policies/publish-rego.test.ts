import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { formatTarHeader, TAR_END_BYTES, tarPadding } from "../../../src/tar/tar-header.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../../support/server.js";
import { runSignet } from "../in-process.js";

let server: TestServer;
let folder: string;

const REGO = "package authz\n\nallow if input.user in data.roles.admins\n";
const FILES = { "authz/policy.rego": REGO, "roles/data.json": '{"admins": ["ana"], "n": 9007199254740993}\n' };

const at = (path: string) => join(folder, path);

function write(files: Readonly<Record<string, string | Uint8Array>>, under = "policy"): string {
  mkdirSync(at(under), { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(at(join(under, path))), { recursive: true });
    writeFileSync(at(join(under, path)), text);
  }
  return at(under);
}

function tarOf(files: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(files).flatMap(([name, text]) => {
    const bytes = Buffer.from(text);
    return [
      formatTarHeader({ name, bytes: bytes.length, modified: 0, mode: 0o644 }),
      bytes,
      Buffer.alloc(tarPadding(bytes.length)),
    ];
  });
  return Buffer.concat([...entries, Buffer.alloc(TAR_END_BYTES)]);
}

async function signet(...argv: readonly string[]) {
  const environment = { SIGNET_URL: server.url, SIGNET_TOKEN: ADMIN_TOKEN, SIGNET_ENV: "dev" };
  return await runSignet(argv, { environment });
}

async function json(...argv: readonly string[]): Promise<Record<string, unknown>> {
  const { exitCode, out, err } = await signet(...argv, "--json");
  expect(exitCode, err).toBe(0);
  return JSON.parse(out) as Record<string, unknown>;
}

const policiesOf = async (version: unknown) =>
  (await json("bundles", "get", String(version)))["policies_json"] as Record<string, unknown>;

function filesIn(directory: string): Record<string, string> {
  const paths = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((it) => it.isFile())
    .map((it) => join(it.parentPath, it.name));
  return Object.fromEntries(paths.map((path) => [path.slice(directory.length + 1), readFileSync(path, "utf8")]));
}

beforeAll(async () => {
  server = await startTestServer();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "signet-rego-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

describe("signet publish of Rego", () => {
  it("takes a folder, and leaves out what is no policy", async () => {
    const policy = write({
      ...FILES,
      "README.md": "#",
      ".git/config": "",
      "authz/.hidden.rego": "x",
      "authz/policy_test.rego": REGO,
    });
    const { out, err, exitCode } = await signet("publish", policy, "--json");
    expect(exitCode, err).toBe(0);
    expect(err).toBe('{"notice":"left out: README.md"}\n');
    const bundle = JSON.parse(out) as Record<string, unknown>;
    expect(bundle).toMatchObject({ media_type: "application/vnd.openpolicyagent.bundles", is_active: true });
    const files = {
      "authz/policy.rego": REGO,
      "authz/policy_test.rego": REGO,
      "roles/data.json": FILES["roles/data.json"],
    };
    expect(await policiesOf(bundle["version"])).toEqual({ files, roots: [""], rego_version: 1 });
    const without = await json("publish", policy, "--ignore-tests", "--opa-root", "authz", "--opa-root", "roles");
    expect(await policiesOf(without["version"])).toEqual({ files: FILES, roots: ["authz", "roles"], rego_version: 1 });
  });

  it("takes an archive with or without compression, its manifest, and one file", async () => {
    const manifest = '{"revision": "abc", "roots": ["authz", "roles"], "rego_version": 0, "metadata": {"x": 1}}';
    const archived = {
      "/.manifest": manifest,
      "/.signatures.json": "{}",
      "/authz/policy.rego": REGO,
      "/roles/data.json": FILES["roles/data.json"],
    };
    const expected = { files: FILES, roots: ["authz", "roles"], rego_version: 0 };
    for (const [name, bytes] of [
      ["b.tar", tarOf(archived)],
      ["b.tar.gz", gzipSync(tarOf(archived))],
    ] as const) {
      writeFileSync(at(name), bytes);
      expect(await policiesOf((await json("publish", "-f", at(name)))["version"])).toEqual(expected);
    }
    const newer = await json("publish", "-f", at("b.tar"), "--rego-version", "1");
    expect(await policiesOf(newer["version"])).toMatchObject({ rego_version: 1 });
    write({ "one.rego": REGO });
    const one = await policiesOf((await json("publish", at("policy/one.rego")))["version"]);
    expect(one).toEqual({ files: { "one.rego": REGO }, roots: [""], rego_version: 1 });
  });

  it("takes what tar of the system makes", async () => {
    const policy = write(FILES);
    execFileSync("tar", ["czf", at("system.tgz"), "-C", policy, "."]);
    expect(await policiesOf((await json("publish", at("system.tgz")))["version"])).toMatchObject({ files: FILES });
  });

  it("takes the form as it is with --kind opa", async () => {
    write({
      "form.yaml": "files:\n  p.rego: |\n    package a\nroots: [a]\n",
      "form.json": '{"files": {"p.rego": "no package"}}',
    });
    const made = await json("publish", at("policy/form.yaml"), "--kind", "opa");
    expect(await policiesOf(made["version"])).toEqual({ files: { "p.rego": "package a\n" }, roots: ["a"] });
    const refused = await signet("publish", at("policy/form.json"), "--kind", "opa");
    expect(refused).toMatchObject({ exitCode: 6 });
    expect(refused.err).toContain("form.json: p.rego must begin with a package declaration");
    const plain = await json("publish", at("policy/form.yaml"));
    expect(plain["media_type"]).toBe("application/json");
  });

  it.each<[string, () => string, string, readonly string[]]>([
    [
      "data under another name",
      () => write({ ...FILES, "roles.json": "{}" }),
      "roles.json is no file that OPA reads",
      [],
    ],
    ["data.yml", () => write({ ...FILES, "a/data.yml": "" }), "a/data.yml is data that an archive cannot have", []],
    ["WebAssembly", () => write({ ...FILES, "policy.wasm": "" }), "policy.wasm cannot be published", []],
    [
      "a file that is not UTF-8",
      () => write({ "p.rego": new Uint8Array([0x70, 0xff]) }),
      "p.rego is not valid UTF-8",
      [],
    ],
    ["no package", () => write({ "a/p.rego": "x := 1" }), "a/p.rego must begin with a package declaration", []],
    [
      "a package outside of the roots",
      () => write(FILES),
      "authz/policy.rego has the package authz, which is outside of the roots",
      ["--opa-root", "roles"],
    ],
    [
      "data outside of the roots",
      () => write(FILES),
      "roles/data.json has data.roles, which is outside of the roots",
      ["--opa-root", "authz"],
    ],
    [
      "overlapping roots",
      () => write(FILES),
      'roots.1 overlaps with the root "authz"',
      ["--opa-root", "authz", "--opa-root", "authz/x"],
    ],
    ["nothing", () => write({ "README.md": "" }), "has no *.rego, data.json or data.yaml", []],
    ["a manifest that is no JSON", () => write({ ...FILES, ".manifest": "{" }), ".manifest is not JSON", []],
    [
      "a version for each file",
      () => write({ ...FILES, ".manifest": '{"file_rego_versions": {"*": 0}}' }),
      ".manifest has file_rego_versions",
      [],
    ],
    [
      "a path that leaves the folder",
      () => (writeFileSync(at("b.tar"), tarOf({ "a/../../p.rego": REGO })), at("b.tar")),
      'a/../../p.rego must not have "." or ".." as a name',
      [],
    ],
    [
      "a damaged archive",
      () => (writeFileSync(at("b.tgz"), gzipSync(tarOf(FILES)).subarray(0, 100)), at("b.tgz")),
      "is no archive of policies",
      [],
    ],
    ["no archive", () => (writeFileSync(at("b.tar"), "hello"), at("b.tar")), "is no tar archive", []],
    [
      "a bomb",
      () => (writeFileSync(at("b.tgz"), gzipSync(Buffer.alloc(200 * 1024 * 1024))), at("b.tgz")),
      "it unpacks to more than",
      [],
    ],
    ["more than 16 MiB", () => write({ "p.rego": REGO + "#".repeat(17 * 1024 * 1024) }), "p.rego is too much", []],
  ])("refuses %s, with the path", async (_, make, message, flags) => {
    const { exitCode, err } = await signet("publish", make(), ...flags);
    expect(err).toContain(message);
    expect(exitCode).toBe(6);
  });

  it("refuses symbolic links, also to what is inside, and pipes", async () => {
    const policy = write(FILES);
    symlinkSync("policy.rego", join(policy, "authz/link.rego"));
    expect((await signet("publish", policy)).err).toContain("authz/link.rego is a symbolic link");
    rmSync(join(policy, "authz/link.rego"));
    execFileSync("mkfifo", [join(policy, "authz/pipe.rego")]);
    expect((await signet("publish", policy)).err).toContain("authz/pipe.rego is no regular file");
    writeFileSync(at("b.tar"), "");
    symlinkSync("x", join(policy, "zzz"));
    rmSync(join(policy, "authz/pipe.rego"));
    expect((await signet("publish", policy)).err).toContain("left out: zzz");
  });

  it("tells a wrong use of its options", async () => {
    const policy = write(FILES);
    writeFileSync(at("p.json"), "{}");
    for (const [argv, message] of [
      [[policy, "-f", policy], "either by --file or as an argument"],
      [[], "no policies given"],
      [[policy, "--kind", "json"], "--kind json is for a JSON or YAML document"],
      [[policy, "--under", "x"], "--under is for a JSON or YAML document"],
      [[at("p.json"), "--ignore-tests"], "are for a folder, an archive or a .rego file"],
    ] as const) {
      const { exitCode, err } = await signet("publish", ...argv);
      expect([exitCode, err]).toEqual([2, expect.stringContaining(message)]);
    }
  });
});

describe("policies of kind OPA", () => {
  it("come back as files, byte for byte, and are the same content when they are published again", async () => {
    const segment = fc.stringMatching(/^[a-z][a-z0-9_ äß-]{0,8}$/u);
    const line = fc
      .string({ unit: "grapheme", maxLength: 12 })
      .filter((text) => text.isWellFormed() && !text.includes("\0"));
    const body = fc
      .array(line, { maxLength: 5 })
      .map((lines) => lines.map((text) => `# ${text}`.replace(/\n/g, " ")).join("\r\n"));
    const module = fc.tuple(fc.array(segment, { minLength: 1, maxLength: 3 }), body);
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(module, { minLength: 1, maxLength: 5, selector: ([path]) => path.join("/") }),
        async (modules) => {
          const files = Object.fromEntries(
            modules.map(([path, text], i) => [`${path.join("/")}.d/${i}.rego`, `\ufeffpackage p${i}\n${text}`]),
          );
          rmSync(at("policy"), { recursive: true, force: true });
          rmSync(at("again"), { recursive: true, force: true });
          const first = await json("publish", write(files));
          await json("bundles", "get", String(first["version"]), "--output", at("again"));
          const { ".manifest": manifest, ...written } = filesIn(at("again"));
          expect(written).toEqual(files);
          expect(manifest).toBe('{"roots":[""],"rego_version":1}\n');
          const again = await json("publish", at("again"), "--dry-run");
          expect(again).toMatchObject({ policy_hash: first["policy_hash"], change: { unchanged: true } });
        },
      ),
      { numRuns: 15 },
    );
  });

  it("are not written over what is there, and JSON is written as it is", async () => {
    const made = await json("publish", write(FILES));
    expect((await signet("bundles", "get", String(made["version"]), "--output", at("policy"))).err).toContain(
      "is not empty",
    );
    writeFileSync(at("p.json"), '{"n": 1.0}');
    const plain = await json("publish", at("p.json"));
    mkdirSync(at("out"));
    await json("bundles", "get", String(plain["version"]), "--output", at("out"));
    expect(filesIn(at("out"))).toEqual({ "policies.json": '{"n":1.0}\n' });
  });

  it("are compared by files: versions, a publication, a promotion, a rollback", async () => {
    const policy = write(FILES);
    const first = await json("publish", policy);
    await json("promote", "--from", "dev");
    write({ "authz/policy.rego": REGO.replace("admins", "owners"), "limits/data.yaml": "eu: 3\n" });
    rmSync(at("policy/roles"), { recursive: true });
    const files = [
      "3 files: 2 lines added, 2 lines removed",
      "~ authz/policy.rego  +1 -1",
      "@@ -1,3 +1,3 @@",
      " package authz",
      " ",
      "-allow if input.user in data.roles.admins",
      "+allow if input.user in data.roles.owners",
      "+ limits/data.yaml  +1 -0",
      "@@ -0,0 +1,1 @@",
      "+eu: 3",
      "- roles/data.json  +0 -1",
      "@@ -1,1 +0,0 @@",
      '-{"admins": ["ana"], "n": 9007199254740993}',
      "",
    ].join("\n");
    expect((await signet("publish", policy, "--dry-run")).out).toContain(files);
    const second = await json("publish", policy, "--opa-root", "authz", "--opa-root", "limits", "--rego-version", "0");
    const changed = files.replace("\n~", '\n~ roots: [""] -> ["authz","limits"]\n~ rego_version: 1 -> 0\n~');
    expect((await signet("diff", String(first["version"]), String(second["version"]))).out).toContain(changed);
    expect((await signet("diff", "--from", "dev", "--to", "staging")).out).toContain(changed);
    expect((await signet("promote", "--from", "dev", "--dry-run")).out).toContain(changed);
    expect((await signet("rollback", "--dry-run")).out).toContain("-allow if input.user in data.roles.owners");
    expect((await signet("bundles", "--kind", "opa", "--limit", "1")).out).toMatch(/KIND.*\n.* opa /);
    const patch = await json("diff", String(first["version"]), String(second["version"]));
    expect(patch).toContainEqual({ op: "remove", path: "/files/roles~1data.json" });
  });
});
