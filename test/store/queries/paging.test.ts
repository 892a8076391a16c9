import { expect, it } from "vitest";
import { boundedPage } from "../../../src/store/queries/paging.js";

const table = (count: number, bytes: number) =>
  Array.from({ length: count }, (_, n) => ({ n, text: "x".repeat(bytes) }));
const KIB = 1024;

async function page(rows: readonly { n: number; text: string }[], limit: number) {
  const asked: number[] = [];
  const got = await boundedPage<{ n: number; text: string }>(limit, async (count, before) => {
    asked.push(count);
    return rows.slice(before.length, before.length + count);
  });
  return { numbers: got.map(({ n }) => n), asked };
}

it.each([0, 1, 49, 50, 51, 100, 120])("of %i small rows all come, in order", async (count) => {
  const rows = table(count, 10);
  expect((await page(rows, 1_000)).numbers).toEqual(rows.map(({ n }) => n));
});

it.each([1, 50, 51, 99])("no more than the limit of %i come, or are read", async (limit) => {
  const { numbers, asked } = await page(table(1_000, 10), limit);
  expect(numbers).toHaveLength(limit);
  expect(asked.reduce((sum, count) => sum + count)).toBe(limit);
});

it("of large rows only as many come as a page may have, and no more portions are read", async () => {
  const { numbers, asked } = await page(table(1_000, 100 * KIB), 1_000);
  expect(numbers).toEqual(Array.from({ length: 20 }, (_, n) => n));
  expect(asked).toEqual([50]);
});

it("a row that is larger than a page comes alone", async () => {
  expect((await page(table(3, 3 * 1024 * KIB), 10)).numbers).toEqual([0]);
});
