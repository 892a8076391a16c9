import { describe, expect, it } from "vitest";
import type { Bundle, BundleFilter } from "../../../src/core/bundle.js";
import { aBundle, aContent, activate, insertTenancy, publish } from "../sample.js";
import { useStore } from "../temporary-store.js";

const SAMPLES: readonly Partial<Bundle>[] = [
  { title: "Allow retries", publishedBy: "Ana Example", labels: { team: "core", note: 'a "quoted" one' } },
  { description: "Denies 100%_ of it", labels: { team: "corem" } },
  { publishedBy: "bob", source: { repository: "git@x:y.git", revision: "abc1234", url: "https://x.example/pull/7" } },
  { policyHash: `sha256:${"5eed".repeat(16)}`, labels: { team: "core", other: "x" } },
  {},
];

describe("searching bundles", () => {
  const db = useStore();

  /** Versions 2 to `last` are like version 1, but for the title of version 20. One statement: thousands take minutes on a busy machine. */
  async function copyFirstBundle(last: number): Promise<void> {
    const [first = {}] = await db.raw("select * from bundles");
    const title = "case number when 20 then 'needle' else title end";
    const of: Readonly<Record<string, string>> = { id: "id || '-' || number", version: "number", title };
    const columns = Object.keys(first);
    await db.raw(
      `with recursive numbers (number) as (select 2 union all select number + 1 from numbers where number < ${last}) ` +
        `insert into bundles (${columns.join(", ")}) select ${columns.map((name) => of[name] ?? name).join(", ")} from bundles, numbers`,
    );
  }

  async function insertSamples(): Promise<string> {
    const { dev } = await insertTenancy(db);
    await db.write(async (tx) => {
      await tx.putContent(aContent("policy"));
      for (const [index, sample] of SAMPLES.entries())
        await tx.insertBundle(aBundle(dev, { version: index + 1, ...sample }));
    });
    return dev.id;
  }

  it.each<[string, BundleFilter, readonly number[]]>([
    ["a part of the title, in either case", { text: "RETRIES" }, [1]],
    ["what LIKE would take as a pattern", { text: "100%_" }, [2]],
    ["no pattern", { text: "1%f" }, []],
    ["a part of the author", { publishedBy: "ana" }, [1]],
    ["a text that is in a label's value with its quotes", { text: '"quoted"' }, [1]],
    ["a label as a whole", { label: { key: "team", value: "core" } }, [4, 1]],
    ["no start of a label", { label: { key: "team", value: "cor" } }, []],
    ["the start of a revision", { sourceRevision: "abc" }, [3]],
    ["not the middle of one", { sourceRevision: "bc1" }, []],
    ["a part of the source", { text: "pull/7" }, [3]],
    ["the digits of a hash", { text: "5eed5e" }, [4]],
    ["the start of a hash with its prefix", { text: "sha256:5eed5eed" }, [4]],
    ["not the middle of a hash", { text: "eed5eed" }, []],
    ["all at once", { text: "core", label: { key: "other", value: "x" } }, [4]],
  ])("finds %s", async (_what, filter, versions) => {
    const environmentId = await insertSamples();
    const { rows, next } = await db.read.findBundles(environmentId, filter, 10);
    expect(rows.map(({ bundle }) => bundle.version)).toEqual(versions);
    expect(next).toBeNull();
  });

  it("goes on below a version, page by page, in one environment, and says where", async () => {
    const { dev, prod } = await insertTenancy(db);
    await db.write(async (tx) => {
      await tx.putContent(aContent("policy"));
      for (let version = 1; version <= 5; version++)
        await tx.insertBundle(aBundle(dev, { version, title: version % 2 === 1 ? "odd" : "even" }));
      await tx.insertBundle(aBundle(prod, { title: "odd" }));
    });
    const page = async (limit: number, before?: number) => {
      const { rows, next } = await db.read.findBundles(dev.id, { text: "odd" }, limit, before);
      return { versions: rows.map(({ bundle }) => bundle.version), next };
    };
    expect(await page(2)).toEqual({ versions: [5, 3], next: 3 });
    expect(await page(2, 3)).toEqual({ versions: [1], next: null });
    expect(await page(1, 2)).toEqual({ versions: [1], next: null });
    expect(await db.read.hasVersionBelow(dev.id, 2)).toBe(true);
    expect(await db.read.hasVersionBelow(dev.id, 1)).toBe(false);
  });

  it("looks at 10,000 versions at most, and says where to go on", async () => {
    const { dev } = await insertTenancy(db);
    await db.write(async (tx) => {
      await tx.putContent(aContent("policy"));
      await tx.insertBundle(aBundle(dev, { title: "hay" }));
    });
    await copyFirstBundle(10_600);
    const first = await db.read.findBundles(dev.id, { text: "needle" }, 5);
    expect([first.rows.length, first.next]).toEqual([0, 601]);
    const second = await db.read.findBundles(dev.id, { text: "needle" }, 5, 601);
    expect([second.rows.map(({ bundle }) => bundle.version), second.next]).toEqual([[20], null]);
    const page = await db.read.findBundles(dev.id, { text: "HAY" }, 5);
    expect([page.rows.length, page.next]).toEqual([5, 10_596]);
  });

  it("tells when each was active", async () => {
    const { dev } = await insertTenancy(db);
    const rollback = await db.write(async (tx) => {
      const first = await publish(tx, dev.id);
      await publish(tx, dev.id);
      return await activate(tx, first);
    });
    const periods = await db.read.activationPeriods(dev.id, [2, 3]);
    expect(periods.get(2)).toEqual({ activatedAt: expect.any(String), replacedAt: rollback.at });
    expect(periods.get(3)).toEqual({ activatedAt: rollback.at, replacedAt: null });
    expect(await db.read.activationPeriods(dev.id, [])).toEqual(new Map());
  });
});
