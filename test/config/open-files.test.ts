import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { openFileLimit, withinOpenFiles } from "../../src/config/open-files.js";
import { watchOpenFiles } from "../../src/server/open-files-job.js";

describe("the limit of open files", () => {
  it("is read as Linux tells it, and unknown elsewhere", () => {
    const text =
      "Limit   Soft Limit  Hard Limit  Units\nMax open files            1024                 524288               files\n";
    expect(openFileLimit(() => text)).toBe(1024);
    expect(openFileLimit(() => "Max open files  unlimited  unlimited  files")).toBeNull();
    expect(
      openFileLimit(() => {
        throw new Error("ENOENT");
      }),
    ).toBeNull();
  });

  const wanted = { maxConnections: 20_000, maxUnauthenticatedConnections: 10_000 };

  it.each([
    [65_536, wanted],
    [20_256, wanted],
    [1_024, { maxConnections: 768, maxUnauthenticatedConnections: 384 }],
    [100, { maxConnections: 50, maxUnauthenticatedConnections: 25 }],
    [null, wanted],
  ])("of %s leaves places for as many connections", (openFiles, limits) => {
    expect(withinOpenFiles(wanted, openFiles)).toStrictEqual(limits);
  });
});

describe("running out of files", () => {
  it("is told once, counted as long as it lasts, and told when it is over", async () => {
    const lines: string[] = [];
    const log = pino({}, { write: (line) => void lines.push((JSON.parse(line) as { msg: string }).msg) });
    const refused: string[] = [];
    let code: string | null = null;
    const chore = watchOpenFiles(log, { refused: (limit) => refused.push(limit) }, async () => {
      if (code !== null) throw Object.assign(new Error(code), { code });
    });
    for (const next of [null, "EMFILE", "ENFILE", null, null, "EMFILE"]) {
      code = next;
      await chore.run(new AbortController().signal);
    }
    expect(lines).toStrictEqual([
      expect.stringMatching(/^too many open files: .* LimitNOFILE/),
      "files and connections can be opened again",
      expect.stringMatching(/^too many open files/),
    ]);
    expect(refused).toStrictEqual(["open_files", "open_files", "open_files"]);
    code = "EACCES";
    await expect(chore.run(new AbortController().signal)).rejects.toThrow("EACCES");
  });
});
