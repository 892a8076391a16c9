import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** What each layer may import: other layers, and packages that are not everybody's. */
const LAYERS: Readonly<Record<string, { readonly layers: readonly string[]; readonly packages: readonly RegExp[] }>> = {
  core: { layers: [], packages: [] },
  bundle: { layers: ["core"], packages: [/^@noble\//] },
  "policy-schema": { layers: ["core", "bundle"], packages: [/^ajv/] },
  store: { layers: ["core"], packages: [/^node:/, /^kysely$/, /^better-sqlite3$/, /^pg$/] },
  outbound: { layers: ["core", "bundle"], packages: [/^node:/, /^ipaddr\.js$/, /^lru-cache$/, /^standardwebhooks$/] },
  yaml: { layers: [], packages: [/^node:/, /^yaml$/] },
  tar: { layers: [], packages: [] },
  service: {
    layers: ["core", "bundle", "store", "outbound", "yaml", "tar", "policy-schema"],
    packages: [/^node:/, /^lru-cache$/, /^uuid$/],
  },
  api: {
    layers: ["core", "bundle", "service", "store", "gen", "json-form", "rules"],
    packages: [/^node:/, /^@connectrpc\//, /^@bufbuild\/protobuf/, /^pino$/, /^rate-limiter-flexible$/],
  },
  observability: {
    layers: ["core", "service", "store", "api"],
    packages: [/^node:/, /^prom-client$/, /^@opentelemetry\//],
  },
  rules: { layers: ["core", "gen", "json-form"], packages: [/^@bufbuild\/protobuf/] },
  // Runs in browsers too, as sdk does.
  "json-form": { layers: ["gen"], packages: [/^@bufbuild\/protobuf/] },
  // Node only in files called node: see below.
  sdk: {
    layers: ["core", "bundle", "gen", "json-form"],
    packages: [/^node:/, /^@connectrpc\//, /^@bufbuild\/protobuf/],
  },
  // Runs in browsers alone.
  console: {
    layers: ["core", "bundle", "json-form", "sdk", "gen"],
    packages: [/^preact/, /^@preact\/signals$/, /^@codemirror\//, /^@lezer\//, /^@bufbuild\/protobuf/],
  },
  // Node only, and no part of the server: what it knows of one it knows as an SDK does.
  agent: { layers: ["core", "bundle", "sdk", "tar", "yaml"], packages: [/^node:/] },
  provision: { layers: ["core", "outbound", "gen", "rules", "json-form"], packages: [/^@bufbuild\/protobuf/] },
  cli: {
    layers: [
      ...["sdk", "bundle", "core", "yaml", "tar", "policy-schema", "provision", "config", "assets", "server"],
      "agent",
    ],
    packages: [/^node:/, /^commander$/, /^fast-string-truncated-width$/],
  },
  gen: { layers: [], packages: [/^@bufbuild\/protobuf/] },
  assets: { layers: ["core"], packages: [/^node:/] },
  config: { layers: ["core", "outbound", "store", "api"], packages: [/^node:/] },
  tls: { layers: ["core", "config", "api"], packages: [/^node:/, /^pino$/] },
  server: {
    layers: [
      ...["core", "bundle", "store", "outbound", "provision", "service", "api", "observability"],
      ...["assets", "config", "tls"],
    ],
    packages: [/^node:/, /^pino$/],
  },
  // main.ts, the edge of the process.
  root: { layers: ["cli"], packages: [/^node:/] },
};

/**
 * The rooms inside of a layer, and what each may import of the others; files of the layer's own folder are the room "". What is
 * left out imports nothing of the others.
 */
const ROOMS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  bundle: {
    "": [],
    envelope: [""],
    log: [""],
    opa: [""],
    trust: ["", "envelope"],
  },
  service: {
    access: [],
    trust: ["access", "audit", "changes", "documents", "keys"],
    changes: ["access"],
    documents: [],
    nodes: [],
    keys: [],
    audit: ["keys"],
    rotation: ["audit", "keys", "trust"],
    tokens: ["access", "audit", "changes"],
    tenancy: ["access", "audit", "changes", "keys", "tokens"],
    bundles: ["access", "audit", "changes", "documents", "keys", "trust"],
    pipelines: ["access", "audit", "bundles", "changes", "documents", "trust"],
    runtimes: ["access", "bundles", "changes", "documents", "nodes", "tokens", "trust"],
    opa: ["access", "changes", "documents", "runtimes"],
    transfer: ["access", "audit", "bundles", "changes", "documents", "keys", "trust"],
    watches: ["access", "changes", "tokens"],
    webhooks: ["access", "audit", "changes", "keys"],
    backups: ["audit", "documents", "keys"],
  },
  api: {
    admission: [],
    http: ["admission"],
    methods: ["admission", "http", "poll"],
    listener: ["admission", "http"],
    rest: ["admission", "http"],
    session: ["admission", "http"],
    rpc: ["admission", "http"],
    poll: ["admission", "http"],
    pages: ["http"],
    watch: ["admission", "http", "listener", "methods", "rest", "rpc"],
    "": ["admission", "http", "listener", "pages", "poll", "rest", "rpc", "session", "watch"],
  },
  agent: {
    source: [],
    outputs: ["source"],
    config: ["outputs", "serve"],
    serve: ["source"],
    "": ["config", "outputs", "serve", "source"],
  },
  store: {
    migrations: [""],
    "": [],
    queries: [""],
    transactions: ["", "queries"],
    postgres: ["", "migrations", "queries", "transactions"],
    examination: ["postgres"],
    sqlite: ["", "migrations", "queries", "transactions"],
  },
  console: {
    manual: [],
    data: [],
    elements: ["data"],
    shell: ["data", "elements"],
    text: ["data", "elements"],
    session: ["data", "elements", "shell"],
    screens: ["data", "elements", "session", "shell", "text"],
    "": ["data", "elements", "screens", "session", "shell"],
  },
  server: {
    compose: [],
    diagnosis: ["disk"],
    disk: [],
    database: ["disk"],
    backups: ["database", ""],
    migrate: ["backups", "database"],
    "": ["compose", "database", "diagnosis", "disk"],
  },
  cli: {
    shell: [],
    agent: ["shell"],
    audit: ["shell"],
    backups: ["server", "shell"],
    policies: ["shell"],
    bundles: ["policies", "shell", "transfer", "trust"],
    completion: ["shell"],
    context: ["shell"],
    pipelines: ["bundles", "policies", "shell"],
    quickstart: ["server", "shell"],
    runtimes: ["shell", "trust"],
    server: ["shell"],
    status: ["shell"],
    tenancy: ["server", "shell"],
    tokens: ["server", "shell"],
    transfer: ["shell"],
    trust: ["shell"],
    releases: ["bundles", "policies", "shell", "trust"],
    webhooks: ["shell"],
    "": [
      "agent",
      "audit",
      "backups",
      "bundles",
      "completion",
      "context",
      "pipelines",
      "quickstart",
      "releases",
      "runtimes",
      "server",
      "shell",
      "status",
      "tenancy",
      "tokens",
      "transfer",
      "trust",
      "webhooks",
    ],
  },
};

const files = ["src", "gen"].flatMap((top) =>
  readdirSync(join(root, top), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join(top, name)),
);

function layerOf(file: string): string {
  const [top, folder] = file.split("/");
  if (top === "gen") return "gen";
  return folder === undefined || /\.tsx?$/.test(folder) ? "root" : folder;
}

/** The folder inside of the layer: "" for a file of the layer's own folder. */
function roomOf(file: string): string {
  const [, , room = "", name] = file.split("/");
  return name === undefined ? "" : room;
}

function importsOf(file: string): readonly string[] {
  return ts.preProcessFile(readFileSync(join(root, file), "utf8")).importedFiles.map(({ fileName }) => fileName);
}

const known = new Set(files);

function targetOf(file: string, imported: string): string {
  const target = relative(root, normalize(join(root, dirname(file), imported))).replace(/\.js$/, ".ts");
  return known.has(`${target}x`) ? `${target}x` : target;
}

describe("architecture", () => {
  it("reads real files", () => {
    expect(files.length).toBeGreaterThan(100);
    expect(importsOf("src/server/server.ts").length).toBeGreaterThan(5);
  });

  it("every arrow between layers is one of docs/architecture.md's", () => {
    const wrong = files.flatMap((file) => {
      const layer = layerOf(file);
      const rule = LAYERS[layer];
      if (rule === undefined) return [`${file}: unknown layer ${layer}`];
      return importsOf(file)
        .filter((imported) => {
          if (!imported.startsWith(".")) return !rule.packages.some((allowed) => allowed.test(imported));
          const target = layerOf(targetOf(file, imported));
          return target !== layer && !rule.layers.includes(target);
        })
        .map((imported) => `${file} → ${imported}`);
    });
    expect(wrong).toEqual([]);
  });

  it("every arrow between the rooms of a layer is one of docs/architecture.md's", () => {
    const wrong = files.flatMap((file) => {
      const rooms = ROOMS[layerOf(file)];
      if (rooms === undefined) return [];
      const allowed = rooms[roomOf(file)];
      if (allowed === undefined) return [`${file}: unknown room ${roomOf(file)}`];
      return importsOf(file)
        .filter((imported) => imported.startsWith("."))
        .map((imported) => targetOf(file, imported))
        .filter((target) => layerOf(target) === layerOf(file) && roomOf(target) !== roomOf(file))
        .filter((target) => !allowed.includes(roomOf(target)))
        .map((target) => `${file} → ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  it("no folder has more files than a reader can take in", () => {
    const sizes = new Map<string, number>();
    for (const file of files.filter((name) => name.startsWith("src/"))) {
      const folder = dirname(file);
      sizes.set(folder, (sizes.get(folder) ?? 0) + 1);
    }
    expect([...sizes].filter(([, size]) => size > 26)).toEqual([]);
    expect(files.filter((file) => layerOf(file) === "root")).toEqual(["src/main.ts"]);
  });

  it("every file that docs/architecture.md names is there", () => {
    const known = ["src", "test", "tools", "packaging"].flatMap((top) =>
      readdirSync(join(root, top), { recursive: true, encoding: "utf8" }).map((name) => `${top}/${name}`),
    );
    const document = readFileSync(join(root, "docs/architecture.md"), "utf8");
    const named = [...document.matchAll(/`([a-z0-9/-]+(?:\.test)?\.(?:ts|proto))`/g)].map(([, name = ""]) => name);
    const missing = named.filter(
      (name) => !name.endsWith(".proto") && !known.some((file) => `/${file}`.endsWith(`/${name}`)),
    );
    expect(named.length).toBeGreaterThan(50);
    expect(missing).toEqual([]);
  });

  it("only what is called node of the SDK needs Node", () => {
    const nodeOnly = files
      .filter((file) => layerOf(file) === "sdk" && !/\/node[-.][^/]*$/.test(file))
      .filter((file) => importsOf(file).some((imported) => /^node:|connect-node|node-transport/.test(imported)));
    expect(nodeOnly).toEqual([]);
  });

  it("OpenTelemetry is loaded when somebody asks for traces, not before", () => {
    const importers = files.filter((file) =>
      importsOf(file).some((imported) => imported.startsWith("@opentelemetry/")),
    );
    expect(importers).toEqual(["src/observability/reporting-exporter.ts", "src/observability/tracing.ts"]);
    const loaders = files
      .filter((file) => !importers.includes(file))
      .filter((file) =>
        /^import [^;]*"[^"]*\/(reporting-exporter|tracing)\.js"/m.test(readFileSync(join(root, file), "utf8")),
      );
    expect(loaders).toEqual([]);
  });

  it("there is no cycle, types included", () => {
    const graph = new Map(
      files.map((file) => [
        file,
        importsOf(file)
          .filter((imported) => imported.startsWith("."))
          .map((imported) => targetOf(file, imported)),
      ]),
    );
    expect(findCycle(graph)).toBeNull();
    // The search itself finds one.
    expect(
      findCycle(
        new Map([
          ["a", ["b"]],
          ["b", ["c"]],
          ["c", ["a"]],
        ]),
      ),
    ).not.toBeNull();
  });

  it("sessions of HTTP/2 are ended in one file, which knows when that is safe", () => {
    const enders = files.filter((file) =>
      /\bsession\??\.(destroy|close|goaway)\(/.test(readFileSync(join(root, file), "utf8")),
    );
    expect(enders).toEqual(["src/api/http/hang-up.ts"]);
  });

  it("every exported symbol of src has a docstring", () => {
    const bare = files
      .filter((file) => layerOf(file) !== "gen" && !file.startsWith("src/store/migrations/0"))
      .flatMap((file) => undocumentedExports(file).map((name) => `${file}: ${name}`));
    expect(bare).toEqual([]);
  });

  it("only config.ts and the process edge read the environment", () => {
    const readers = files.filter((file) => /\bprocess\.env\b/.test(readFileSync(join(root, file), "utf8")));
    const edges = ["src/config/config.ts", "src/main.ts", "src/sdk/conformance/node-main.ts"];
    // A text: a program that the console shows.
    const shown = "src/console/screens/start/runtime-program.ts";
    expect(readers.filter((file) => ![...edges, shown].includes(file))).toEqual([]);
  });
});

/** The names that a file declares with `export` and without a comment that begins with two stars. */
function undocumentedExports(file: string): readonly string[] {
  const source = ts.createSourceFile(file, readFileSync(join(root, file), "utf8"), ts.ScriptTarget.Latest, true);
  return source.statements.flatMap((statement) => {
    const isExported = ts.canHaveModifiers(statement)
      ? (ts.getModifiers(statement) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
      : false;
    if (!isExported || ts.getJSDocCommentsAndTags(statement).length > 0) return [];
    if (ts.isVariableStatement(statement))
      return statement.declarationList.declarations.map(({ name }) => name.getText());
    return [(statement as ts.DeclarationStatement).name?.getText() ?? "default"];
  });
}

function findCycle(graph: ReadonlyMap<string, readonly string[]>): readonly string[] | null {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): readonly string[] | null => {
    const at = path.indexOf(file);
    if (at >= 0) return [...path.slice(at), file];
    if (done.has(file)) return null;
    path.push(file);
    for (const target of graph.get(file) ?? []) {
      const cycle = visit(target);
      if (cycle !== null) return cycle;
    }
    path.pop();
    done.add(file);
    return null;
  };
  for (const file of graph.keys()) {
    const cycle = visit(file);
    if (cycle !== null) return cycle;
  }
  return null;
}
