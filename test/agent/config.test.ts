import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AgentConfig } from "../../src/agent/config/agent-config.js";
import { parseAgentConfig } from "../../src/agent/config/parse-agent-config.js";
import { readToken } from "../../src/agent/config/token.js";
import { AppError } from "../../src/core/error.js";
import { aRoot, rootEnvelope, testKey } from "../support/trust.js";
import { IDENTITY } from "./fake-source.js";
import { scratchDirectory } from "./sources.js";

const OWNER = testKey("owner of a configuration");
const { orgId, projectId } = IDENTITY;
const PEM = OWNER.signer.publicKeyPem;

let scratch: Awaited<ReturnType<typeof scratchDirectory>>;

beforeAll(async () => {
  scratch = await scratchDirectory();
  const { publicKey } = OWNER;
  const root = aRoot({ orgId, projectId, server: publicKey, owner: OWNER, authors: [OWNER] });
  await writeFile(join(scratch.path, "root.json"), await rootEnvelope(root, OWNER));
  await writeFile(join(scratch.path, "keys.pem"), PEM);
  await writeFile(join(scratch.path, "text"), "text");
  await writeFile(join(scratch.path, "large"), Buffer.alloc((1 << 20) + 1));
  await mkdir(join(scratch.path, "folder"));
});
afterAll(async () => {
  await scratch[Symbol.asyncDispose]();
});

const BASE = { url: "http://127.0.0.1:8080", root: "root.json" };
const parse = (value: unknown, environment: Readonly<Record<string, string>> = {}): AgentConfig =>
  parseAgentConfig(value, { base: scratch.path, environment });
const withDev = (dev: object, more: object = {}) => ({ ...BASE, ...more, environments: [{ name: "prod", ...dev }] });

/** What is wrong, each as `path: message`. */
function problemsOf(value: unknown): readonly string[] {
  try {
    parse(value);
    return [];
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    expect(thrown.code).toBe("invalid");
    return thrown.fields.map(({ loc, msg }) => `${loc.join(".")}: ${msg}`.replaceAll(scratch.path, "DIR"));
  }
}

describe("a configuration", () => {
  it("needs little, and has defaults for the rest", () => {
    const { state, serve, environments } = parse(withDev({}));
    expect([state, serve]).toEqual([join(scratch.path, "signet-agent"), null]);
    expect(environments).toMatchObject([
      {
        ...{ label: "prod", url: BASE.url, token: { env: "SIGNET_TOKEN" }, identity: { ...IDENTITY } },
        ...{ onExpired: "serve", onRevoked: "close", outputs: [], check: null, run: null, labels: {} },
      },
    ]);
  });

  it("takes what is for all, and what an environment has of its own instead", () => {
    const keys = { keys: "keys.pem", org: orgId, project: "0b0c0d0e-0000-4000-8000-00000000000a" };
    const shared = { instance: "host", labels: { rack: "7", role: "edge" }, on_expired: "close", state: "kept" };
    const own = { ...keys, url: "https://other.example", instance: "own", labels: { rack: "8" }, on_revoked: "serve" };
    const { state, environments } = parse({
      ...{ ...BASE, ...shared },
      environments: [
        { name: "prod", token: { file: "token" } },
        { name: "prod", token: { env: "OTHER" }, ...own },
      ],
    });
    expect(state).toBe(join(scratch.path, "kept"));
    expect(environments).toMatchObject([
      {
        ...{ label: `prod@${projectId}`, url: BASE.url, token: { file: join(scratch.path, "token") } },
        ...{ instance: "host", labels: { rack: "7", role: "edge" }, onExpired: "close", onRevoked: "close" },
      },
      {
        ...{ label: `prod@${keys.project}`, url: own.url, token: { env: "OTHER" }, trust: { keys: [PEM.trim()] } },
        ...{ instance: "own", labels: { rack: "8", role: "edge" }, onExpired: "close", onRevoked: "serve" },
      },
    ]);
  });

  it("has outputs, commands and readers in all their forms", () => {
    const value = withDev(
      {
        outputs: [
          { policies: "a/p.json", mode: "0640" },
          { files: "/srv/set", directory_mode: "0750" },
        ],
        check: ["opa", "check"],
        run: { command: "systemctl reload app", timeout: "5m" },
      },
      { serve: { listen: "[::1]:7071", health_listen: "0.0.0.0:7072", max_readers: 10, decision_logs: "forward" } },
    );
    const { serve, environments } = parse(value);
    expect(environments[0].outputs).toEqual([
      { kind: "policies", path: join(scratch.path, "a/p.json"), mode: 0o640, directoryMode: 0o755 },
      { kind: "files", path: "/srv/set", mode: null, directoryMode: 0o750 },
    ]);
    expect(environments[0].check).toEqual({ argv: ["opa", "check"], shown: "opa check", timeoutMs: 60_000 });
    expect(environments[0].run).toMatchObject({ argv: ["/bin/sh", "-c", "systemctl reload app"], timeoutMs: 300_000 });
    expect(serve).toEqual({
      ...{ listen: { host: "::1", port: 7071 }, healthListen: { host: "0.0.0.0", port: 7072 } },
      ...{ allowsRemote: false, allowedHosts: [], maxReaders: 10, decisionLogs: "forward" },
    });
    expect(parse(withDev({}, { serve: "unix:agent.sock" })).serve?.listen).toEqual({
      socket: join(scratch.path, "agent.sock"),
    });
  });

  it("takes its state from systemd, and its server from SIGNET_URL", () => {
    const environment = { STATE_DIRECTORY: "/var/lib/signet-agent:/var/lib/more", SIGNET_URL: "https://s.example" };
    const { state, environments } = parse({ root: "root.json", environments: [{ name: "prod" }] }, environment);
    expect([state, environments[0].url]).toEqual(["/var/lib/signet-agent", "https://s.example"]);
  });

  const output = (fields: object) => withDev({ outputs: [fields] });
  const serving = (serve: unknown) => withDev({}, { serve });
  it.each<[value: unknown, problem: string]>([
    ["text", ": must be an object"],
    [{}, "environments: is required: a list of at least one"],
    [{ environments: {} }, "environments: must be a list"],
    [{ environments: Array.from({ length: 101 }, () => ({})) }, "environments: must have at most 100 items"],
    [withDev({}, { stat: "x" }), "stat: is not known here: known are state, serve, environments,"],
    [withDev({ runs: "x" }), "environments.0.runs: is not known here: known are name, root, keys,"],
    [{ ...BASE, environments: [{}] }, "environments.0.name: is required: the environment's name"],
    [withDev({ name: "../x" }), "environments.0.name: is not a valid environment name"],
    [withDev({ name: 7 }), "environments.0.name: must be a text"],
    [withDev({ instance: "" }), "environments.0.instance: must have 1 to 128 characters"],
    [withDev({ instance: "a\nb" }), "environments.0.instance: must be one line, without control characters"],
    [{ root: "root.json", environments: [{ name: "prod" }] }, "environments.0.url: is required, here or for all"],
    [withDev({}, { url: "ftp://x" }), "url: must be http://host:port or https://host:port"],
    [{ url: BASE.url, environments: [{ name: "prod" }] }, "environments.0.root: is required: the file of the root"],
    [withDev({ root: "root.json", keys: "keys.pem" }), "environments.0.root: is required: the file of the root"],
    [withDev({}, { root: "absent" }), "root: cannot read DIR/absent: no such file or directory"],
    [withDev({}, { root: "large" }), "root: DIR/large has more than 1 MiB"],
    [withDev({}, { root: "folder" }), "root: cannot read DIR/folder: illegal operation on a directory"],
    [withDev({}, { root: "text" }), "root: is not a root document: "],
    [withDev({ project: orgId }), `environments.0.project: the root document is of the project ${projectId}`],
    [withDev({ project: "shop" }), "environments.0.project: must be a UUID: signet whoami shows it"],
    [withDev({ keys: "text", org: orgId, project: projectId }), "environments.0.keys: must be the file of Ed25519"],
    [withDev({ keys: "keys.pem" }), "environments.0.project: is required with keys, as is org"],
    [withDev({ ca: "text" }), "environments.0.ca: contains no PEM certificate"],
    [withDev({ client_key: "text" }), "environments.0.client_cert: and client_key go together"],
    [withDev({ token: "signet_rt_secret" }), "environments.0.token: must be {file: PATH} or {env: NAME}: a token does"],
    [withDev({ token: {} }), "environments.0.token: must be {file: PATH} or {env: NAME}"],
    [withDev({ token: { file: "a", env: "B" } }), "environments.0.token: must be {file: PATH} or {env: NAME}"],
    [withDev({ token: { path: "a" } }), "environments.0.token.path: is not known here: known are file, env"],
    [{ ...BASE, environments: [{ name: "a" }, { name: "b" }] }, "environments.0.token: is required where there are"],
    [withDev({ labels: { a: 1 } }), "environments.0.labels.a: must be a text"],
    [
      withDev({ labels: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`l${n}`, "x"])) }),
      "environments.0.labels: must have at most 64",
    ],
    [withDev({ on_expired: "stop" }), "environments.0.on_expired: must be one of serve, close"],
    [withDev({ check: "true" }), "environments.0.check: needs outputs to check"],
    [withDev({ run: "" }), "environments.0.run: must be a text for the shell, or a list of a program"],
    [withDev({ run: [] }), "environments.0.run: must be a text for the shell, or a list of a program"],
    [withDev({ run: ["a", 1] }), "environments.0.run: must be a text for the shell, or a list of a program"],
    [withDev({ run: { timeout: "5m" } }), "environments.0.run.command: must be a text for the shell"],
    [withDev({ run: { command: "x", timeout: "5d" } }), "environments.0.run.timeout: must be 1 to 3600 seconds, or"],
    [withDev({ run: { command: "x", timeout: "2h" } }), "environments.0.run.timeout: must be 1 to 3600 seconds, or"],
    [output({}), "environments.0.outputs.0: must have one of document, content, policies, files"],
    [output({ policies: "a", content: "b" }), "environments.0.outputs.0: must have one of document, content"],
    [output({ policy: "a" }), "environments.0.outputs.0.policy: is not known here: known are document, content"],
    [output({ policies: "a/" }), "environments.0.outputs.0.policies: must end in a name, without a slash"],
    [output({ policies: "x".repeat(201) }), "environments.0.outputs.0.policies: must end in a name of at most 200"],
    [output({ policies: "a", mode: 640 }), "environments.0.outputs.0.mode: must be three octal digits in quotes"],
    [output({ policies: "a", mode: "0888" }), "environments.0.outputs.0.mode: must be three octal digits in quotes"],
    [output({ policies: "a", directory_mode: "0755" }), "environments.0.outputs.0.directory_mode: is for files alone"],
    [
      withDev({ outputs: [{ policies: "a" }, { content: "./a" }] }),
      "environments.0.outputs.1.content: names the path of another output",
    ],
    [
      { ...BASE, environments: ["a", "a"].map((name) => ({ name, token: { env: "T" } })) },
      "environments.1.name: is there twice",
    ],
    [
      { ...BASE, environments: ["a", "b"].map((name) => ({ name, token: { env: "T" }, outputs: [{ content: "c" }] })) },
      "environments.1.outputs: DIR/c is an output of another environment",
    ],
    [serving("7070"), "serve: must be ADDRESS:PORT, for example 127.0.0.1:7070, or unix:PATH"],
    [serving("example.com:7070"), "serve: must be ADDRESS:PORT"],
    [serving("127.0.0.1:70000"), "serve: must be ADDRESS:PORT"],
    [serving(`unix:/${"x".repeat(107)}`), "serve: must be ADDRESS:PORT"],
    [serving("0.0.0.0:7070"), "serve: is reached by others, and readers need no token: set allow_remote"],
    [serving({ health_listen: "x" }), "serve.health_listen: must be ADDRESS:PORT"],
    [serving({ listen: "0.0.0.0:1", allow_remote: "yes" }), "serve.allow_remote: must be true or false"],
    [serving({ allowed_hosts: ["a b"] }), "serve.allowed_hosts.0: must be the name of a host"],
    [serving({ max_readers: 0 }), "serve.max_readers: must be a whole number from 1 to 65536"],
    [serving({ decision_logs: "drop" }), "serve.decision_logs: must be one of count, forward"],
    [serving({ port: 1 }), "serve.port: is not known here: known are listen, health_listen"],
    [serving(7070), "serve: must be an object"],
  ])("%j is refused: %s", (value, problem) => {
    const problems = problemsOf(value);
    expect(problems.filter((one) => one.startsWith(problem))).toHaveLength(1);
    expect(problems.join("")).not.toContain("signet_rt_secret");
  });

  it("is refused with all that is wrong at once", () => {
    expect(problemsOf(withDev({ runs: "x", on_expired: "x", outputs: [{ mode: "x" }] }))).toHaveLength(4);
  });
});

describe("a token", () => {
  it("comes from a variable, from the file that it names, or from a file, without surrounding white space", async () => {
    const file = join(scratch.path, "token");
    await writeFile(file, "from-file\n");
    expect(readToken({ env: "T" }, { T: " secret " })).toBe("secret");
    expect(readToken({ env: "T" }, { T: "secret", T_FILE: file })).toBe("from-file");
    expect(readToken({ file }, {})).toBe("from-file");
  });

  it("is refused without being repeated", async () => {
    const file = join(scratch.path, "bad-token");
    await writeFile(file, "sécret");
    await chmod(file, 0o600);
    const refusal = (work: () => unknown) => {
      try {
        return String(work());
      } catch (thrown) {
        return (thrown as Error).message.replaceAll(scratch.path, "DIR");
      }
    };
    expect([
      refusal(() => readToken({ env: "T" }, {})),
      refusal(() => readToken({ env: "T" }, { T_FILE: join(scratch.path, "absent") })),
      refusal(() => readToken({ file: join(scratch.path, "absent") }, {})),
      refusal(() => readToken({ file }, {})),
    ]).toEqual([
      "no token: the variable T (or T_FILE) is missing or empty",
      "cannot read the token file DIR/absent: no such file or directory",
      "cannot read the token file DIR/absent: no such file or directory",
      "the token file DIR/bad-token is no token: only printable ASCII characters are allowed",
    ]);
  });
});
