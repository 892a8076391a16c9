/** A page of the manual. */
export interface Source {
  /** The Markdown file, below the root of the repository. */
  readonly file: string;
  /** The last part of its path: /docs/<name>. */
  readonly name: string;
}

/** Pages under one heading of the navigation. */
export interface Group {
  readonly title: string;
  readonly pages: readonly Source[];
}

const group = (title: string, ...names: readonly string[]): Group => ({
  title,
  pages: names.map((name) => ({ file: `docs/${name}.md`, name })),
});

const START: Source = { file: "README.md", name: "start" };
const CHANGES: Source = { file: "CHANGELOG.md", name: "changelog" };

const start = group("Start", "install", "concepts", "tasks");
const internals = group("Internals", "architecture", "dependencies", "testing", "conformance", "node");

/** The pages in the order in which one reads them: README first. */
export const GROUPS: readonly Group[] = [
  { ...start, pages: [START, ...start.pages] },
  group(
    "Use",
    "console",
    "cli",
    "pipelines",
    "provision",
    "webhooks",
    "artifacts",
    "sdk",
    "python",
    "go",
    "clients",
    "runtimes",
    "agent",
    "opa",
    "readers",
  ),
  group(
    "Operate",
    "operate",
    "upgrade",
    "migrate",
    "scale",
    "observability",
    "limits",
    "performance",
    "troubleshooting",
  ),
  group("Trust", "trust", "security", "audit", "air-gap"),
  group("Reference", "api", "bundle-format"),
  { ...internals, pages: [...internals.pages, CHANGES] },
];
