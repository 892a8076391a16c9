import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { selfSigned } from "../outbound/self-signed.js";
import { startTestServer, type TestServer } from "../support/server.js";
import { parseScrape, type Scrape } from "./scrape.js";

const read = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string; readonly description: string };
}

const { groups } = parse(read("observability/alerts.yml")) as { groups: { name: string; rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(read("observability/grafana-dashboard.json")) as {
  panels: { title: string; targets?: { expr: string; legendFormat: string }[] }[];
};
const panels = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr, legendFormat }) => ({ title, expr, legendFormat })),
);
const document = read("observability.md");

const folder = mkdtempSync(join(tmpdir(), "signet-documented-"));
let server: TestServer;
let scraped: Scrape;

beforeAll(async () => {
  const { cert, key } = selfSigned("127.0.0.1");
  const files = { SIGNET_TLS_CERT: join(folder, "cert.pem"), SIGNET_TLS_KEY: join(folder, "key.pem") };
  writeFileSync(files.SIGNET_TLS_CERT, cert);
  writeFileSync(files.SIGNET_TLS_KEY, key, { mode: 0o600 });
  server = await startTestServer({ SIGNET_METRICS_ADDRESS: "127.0.0.1:0", ...files }, { tls: { ca: cert } });
  const { orgId, projectId } = server;
  await server.admin.bundles.publishBundle({ orgId, projectId, envName: "dev", policies: '{"n":1}' });
  const { id: environmentId } = await server.admin.organizations.getEnvironment({ orgId, projectId, envName: "dev" });
  const expiring = { orgId, projectId, environmentId, name: "edge", expiresInDays: 30 };
  const { rawKey = "" } = await server.admin.tokens.createRuntimeToken(expiring);
  await server.clientFor(rawKey).runtimes.reportStatus({ instanceId: "a", state: "applied", sequence: 1 });
  // Writes the report.
  await server.admin.runtimes.listFleet({ orgId });
  // A collection, so that its histogram has samples; the observer of collections is told a turn later.
  const text = async () => (await fetch(server.server.metricsUrl ?? "")).text();
  for (;;) {
    scraped = parseScrape(await text());
    if (scraped.value("nodejs_gc_duration_seconds_sum", { kind: "minor" }) !== undefined) break;
    Array.from({ length: 100_000 }, (_, n) => ({ n }));
  }
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** The metrics of an expression with the labels that it selects and groups by: words that are no functions or keywords. */
function metricsOf(expression: string): { name: string; labels: string[] }[] {
  const grouped = [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(","));
  const labels = grouped.map((label) => label.trim()).filter((label) => !["", "instance"].includes(label));
  const selectors = [...expression.matchAll(/\b((?:signet|process|nodejs)_[a-z0-9_]+)(?:\{([^}]*)\})?/g)];
  return selectors.map(([, name = "", matchers = ""]) => {
    const matched = [...matchers.matchAll(/([a-z_]+)(?:=|!)/g)].map(([, label = ""]) => label);
    const target = ["instance", "job"];
    return { name, labels: [...new Set([...labels, ...matched])].filter((label) => !target.includes(label)) };
  });
}

function missing(expression: string): string[] {
  const found = metricsOf(expression);
  if (found.length === 0 && !expression.startsWith("up{")) return [`no metric in ${expression}`];
  return found.flatMap(({ name, labels }) => {
    const samples = scraped.samples.filter((sample) => sample.name === name);
    if (samples.length === 0) return [name];
    return labels.filter((label) => !samples.some((it) => label in it.labels)).map((label) => `${name}{${label}}`);
  });
}

describe("the alert rules", () => {
  it.each(rules.map((rule) => [rule.alert, rule] as const))("%s asks for what a server really has", (_name, rule) => {
    expect(missing(rule.expr)).toEqual([]);
    expect(rule.annotations.summary).not.toBe("");
    expect(rule.annotations.description).not.toBe("");
  });

  it("are explained, all of them and no other", () => {
    const explained = [...document.matchAll(/^- `(Signet[A-Za-z]+)`:/gm)].map(([, name]) => name);
    expect(explained).toEqual(rules.map(({ alert }) => alert));
  });
});

describe("the dashboard", () => {
  it.each(panels.map((panel) => [`${panel.title}: ${panel.legendFormat}`, panel] as const))("%s", (_name, panel) => {
    expect(missing(panel.expr)).toEqual([]);
    const shown = [...panel.legendFormat.matchAll(/\{\{([a-z_]+)\}\}/g)].map(([, label = ""]) => label);
    for (const label of shown) {
      expect(
        scraped.samples.some((it) => panel.expr.includes(it.name) && label in it.labels),
        label,
      ).toBe(true);
    }
  });

  it("shows every figure of Signet", () => {
    const all = panels.map(({ expr }) => expr).join("\n");
    const families = [...scraped.types.keys()].filter((name) => name.startsWith("signet_"));
    expect(families.filter((name) => !all.includes(name))).toEqual([]);
  });
});

describe("the list of metrics", () => {
  it("has every metric of Signet with its type and its labels, and no other", () => {
    const listed = [...document.matchAll(/^- `(signet_[a-z_]+)`\s+\((\w+)(?:;\s+labels\s+([^)]*))?\):/gm)].map(
      ([, name = "", type = "", labels = ""]) => `${name} ${type} ${labels.replaceAll(/[`\s]/g, "")}`,
    );
    const real = [...scraped.types]
      .filter(([name]) => name.startsWith("signet_"))
      .map(([name, type]) => {
        const samples = scraped.samples.filter((it) => it.name === name || it.name === `${name}_count`);
        return `${name} ${type} ${Object.keys(samples[0]?.labels ?? {}).join(",")}`;
      });
    expect([...listed].sort()).toEqual([...real].sort());
  });

  it("has names by Prometheus' habit: base units, and _total for counters alone", () => {
    for (const [name, type] of scraped.types) {
      if (!name.startsWith("signet_")) continue;
      expect(name.endsWith("_total"), name).toBe(type === "counter");
      expect(name, name).not.toMatch(/_(ms|milliseconds|minutes|kb|mb)\b/);
      if (type === "histogram") expect(name).toMatch(/_seconds$/);
    }
  });
});
