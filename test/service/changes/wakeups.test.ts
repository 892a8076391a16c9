import { describe, expect, it } from "vitest";
import { Wakeups } from "../../../src/service/changes/wakeups.js";

describe("wake-ups", () => {
  const told = async (woken: Promise<void>) => {
    let told = false;
    void woken.then(() => (told = true));
    await Promise.resolve();
    await Promise.resolve();
    return told;
  };

  it("reach everybody who asked before, for this environment only", async () => {
    const wakeups = new Wakeups();
    const [one, two, other] = [wakeups.next("a"), wakeups.next("a"), wakeups.next("b")];
    wakeups.wake("a");
    const later = wakeups.next("a");
    expect(await Promise.all([one, two, other, later].map(({ woken }) => told(woken)))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it("of somebody who went away neither come nor take those of others along", async () => {
    const wakeups = new Wakeups();
    const old = wakeups.next("a");
    wakeups.wake("a");
    const [mine, gone] = [wakeups.next("a"), wakeups.next("a")];
    old[Symbol.dispose]();
    gone[Symbol.dispose]();
    gone[Symbol.dispose]();
    wakeups.wake("a");
    expect([await told(mine.woken), await told(gone.woken)]).toEqual([true, false]);
  });
});
