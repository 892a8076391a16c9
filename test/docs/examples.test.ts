import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parseBlocks, type Block } from "./blocks.js";
import { PAGES, readPage } from "./pages.js";
import { PageShell } from "./page-shell.js";
import { checkProxy, isProxy } from "./proxies.js";
import { differenceFrom } from "./shown.js";

/** A page may have thirty commands, each a process, on a machine that is busy with other tests. */
const PAGE_MS = 240_000;

/** The blocks that no test runs, all of them, with the reason that their fence gives. */
const NOT_RUN: Readonly<Record<string, readonly string[]>> = {
  "README.md": ["a drawing"],
  "docs/agent.md": ["needs systemd"],
  "docs/audit.md": ["a notation", "a notation", "a crontab of another machine", "an example of the format"],
  "docs/bundle-format.md": ["an expression"],
  "docs/clients.md": [
    "fetches from PyPI; npm run conformance -- grpc-clients runs it",
    "needs what was generated",
    "fetches Go modules; npm run conformance -- grpc-clients runs it",
    "needs what was generated",
    "fetches from Maven Central; npm run conformance -- grpc-clients runs it",
    "needs the .NET SDK",
    "needs protoc; npm run conformance -- grpc-clients runs it",
  ],
  "docs/concepts.md": ["a drawing"],
  "docs/conformance.md": ["fetches suites and libraries; three minutes and more"],
  "docs/go.md": ["needs Go"],
  "docs/install.md": [
    "writes to /usr/local/bin and /var/lib",
    "needs the executable, which takes half a minute to build",
    "needs docker",
    "needs docker",
    "needs docker",
    "needs a cluster",
  ],
  "docs/migrate.md": ["needs a PostgreSQL server", "needs a PostgreSQL server", "needs a moved data directory"],
  "docs/opa.md": ["needs a server", "needs opa", "needs OPAL"],
  "docs/operate.md": ["needs systemd", "needs systemd", "needs docker", "the server of another machine"],
  "docs/readers.md": ["goes on until it is stopped", "needs flagd"],
  "docs/scale.md": [
    "needs a PostgreSQL server",
    "needs a PostgreSQL server",
    "of a PostgreSQL server",
    "needs a cluster",
    "needs docker",
  ],
  "docs/sdk.md": ["needs a browser"],
  "docs/upgrade.md": ["needs an older release"],
  "docs/runtimes.md": ["needs the npm package eventsource"],
};

/** The ports of this machine that a page uses. 8080 is also the one of every `serve` without a port. */
const PORT_OF_A_PAGE = /(?:127\.0\.0\.1:|--port )(\d{4})\b/g;

describe.concurrent("every example runs as it is pasted, from the beginning of its page", () => {
  const pages = PAGES.map((page) => [page, parseBlocks(readPage(page))] as const).filter(
    ([, blocks]) => blocks.length > 0,
  );

  it.for(pages)("%s", { timeout: PAGE_MS }, async ([page, blocks], { signal }) => {
    const directory = await mkdtemp(join(tmpdir(), "signet-page-"));
    const used = blocks.flatMap(({ text }) => [...text.matchAll(PORT_OF_A_PAGE)].map(([, port = ""]) => port));
    try {
      await using shell = await PageShell.open(directory, [...new Set(["8080", ...used])], signal);
      await runPage(shell, page, blocks);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  it("but for those that need what this machine has not", () => {
    const found = pages.map(([page, blocks]) => [page, blocks.flatMap(({ noRun }) => noRun ?? [])] as const);
    expect(Object.fromEntries(found.filter(([, reasons]) => reasons.length > 0))).toEqual(NOT_RUN);
  });
});

async function runPage(shell: PageShell, page: string, blocks: readonly Block[]): Promise<void> {
  let last = { out: "", err: "" };
  for (const block of blocks) {
    const { line, language, text, noRun, file, until, output, exit } = block;
    const where = `${page}:${line}`;
    if (noRun !== undefined) continue;
    if (output !== undefined) {
      expect(differenceFrom(block, output === "stdout" ? last.out : last.err), where).toBeNull();
    } else if (isProxy(language)) {
      await checkProxy(shell, language, text);
    } else if (file !== undefined) {
      if (language === "yaml") parse(text);
      shell.save(file, text);
    } else {
      expect(["sh", "bash"], `${where} is neither run, saved nor an answer: say which in its fence`).toContain(
        language,
      );
      const result = until === undefined ? await shell.run(text, exit !== 0) : await shell.runUntil(text, until);
      const expected = until === undefined ? [exit] : [0, 130];
      expect(expected, `${where}: ${text}\n${result.out}${result.err}`).toContain(result.exit);
      last = result;
    }
  }
}
