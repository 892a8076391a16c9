/**
 * Makes at most `max` calls at once; the others wait in line. Calls with the same key, while one is waiting or on its way, share its
 * outcome. With `maxLine` waiting, the next is refused as the name servers refuse: EAI_AGAIN.
 */
export function limitCalls<T>(
  max: number,
  call: (key: string) => Promise<T>,
  maxLine = Infinity,
): (key: string) => Promise<T> {
  const shared = new Map<string, Promise<T>>();
  const line: (() => void)[] = [];
  let running = 0;

  async function inTurn(key: string): Promise<T> {
    if (running < max) running += 1;
    else if (line.length >= maxLine) throw Object.assign(new Error("too many wait"), { code: "EAI_AGAIN" });
    else await new Promise<void>((resolve) => line.push(resolve));
    try {
      return await call(key);
    } finally {
      const next = line.shift();
      // Whoever is next takes over the place of this one.
      if (next === undefined) running -= 1;
      else next();
    }
  }

  return (key) => {
    const found = shared.get(key);
    if (found !== undefined) return found;
    const started = inTurn(key).finally(() => shared.delete(key));
    shared.set(key, started);
    return started;
  };
}
