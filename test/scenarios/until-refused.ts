import type { Driver } from "./drivers/driver.js";
import { Watching } from "./watching.js";

/** How a watch begins. */
export async function firstMessage(driver: Driver): Promise<unknown> {
  await using watching = new Watching(driver);
  return await watching.next();
}

/** Asks until it is refused. Every request that begins after the end was acknowledged must be. Returns how. */
export async function untilRefused(
  driver: Driver,
  isOver: () => boolean,
  ask: (driver: Driver) => Promise<unknown>,
): Promise<string | number> {
  for (;;) {
    const mustBeRefused = isOver();
    try {
      const answer = await ask(driver);
      if (mustBeRefused) throw new Error(`served after the end: ${JSON.stringify(answer)}`);
    } catch (thrown) {
      const { code } = driver.failure(thrown);
      // Between the end and its acknowledgement it may be refused already.
      if (mustBeRefused) return code;
    }
  }
}
