import { beforeEach, describe, expect, it } from "vitest";
import { SharedWrites, type Precedence } from "../../../src/service/changes/shared-writes.js";
import { useStore } from "../../store/temporary-store.js";

describe("writes that share transactions", () => {
  const temporary = useStore();
  let writes: SharedWrites;
  /** What was written, one list for each transaction. */
  let transactions: string[][];

  beforeEach(() => {
    transactions = [];
    const { store } = temporary;
    writes = new SharedWrites({
      ...{ read: store.read, ping: () => store.ping(), [Symbol.asyncDispose]: async () => {} },
      write: async (work) => {
        transactions.push([]);
        return await store.write(work);
      },
    });
  });

  function write(precedence: Precedence, name: string): Promise<string> {
    return writes.run(precedence, async () => {
      transactions.at(-1)?.push(name);
      return name;
    });
  }

  const many = (precedence: Precedence, count: number) =>
    Array.from({ length: count }, (_, index) => write(precedence, `${precedence} ${index}`));

  it("take what comes in together in one, and answer each with its own", async () => {
    expect(await Promise.all(many("first", 20))).toEqual(Array.from({ length: 20 }, (_, n) => `first ${n}`));
    expect(transactions).toHaveLength(1);
  });

  it("do what is first before what can wait, whoever came first", async () => {
    const order: string[] = [];
    const last = many("last", 3);
    const later = many("later", 30);
    const first = many("first", 3);
    await Promise.all([...last, ...later, ...first].map(async (done) => order.push((await done).split(" ")[0] ?? "")));
    expect(order).toEqual([
      ...Array<string>(3).fill("first"),
      ...Array<string>(30).fill("later"),
      "last",
      "last",
      "last",
    ]);
    // In small ones, so that a request is never behind a long one.
    expect(Math.max(...transactions.map((names) => names.length))).toBeLessThanOrEqual(16);
  });

  it("let what is first in between two transactions of what can wait", async () => {
    const later = many("later", 24);
    await later[0];
    await write("first", "first");
    const at = transactions.findIndex((names) => names.includes("first"));
    expect(transactions[at]).toEqual(["first"]);
    expect(at).toBe(1);
    await Promise.all(later);
    expect(transactions.flat()).toHaveLength(25);
  });

  it("fail together, and go on with the next", async () => {
    const good = write("first", "good");
    const bad = writes.run("first", () => Promise.reject(new Error("no")));
    await expect(bad).rejects.toThrow("no");
    await expect(good).rejects.toThrow("no");
    expect(await write("first", "next")).toBe("next");
  });

  it("are through when drained, without waiting for more", async () => {
    let done = 0;
    for (const write of many("last", 3)) void write.then(() => (done += 1));
    await writes.drained();
    expect(done).toBe(3);
  });
});
