/** Publishes of clients that each do one after the other. */
import { randomBytes } from "node:crypto";
import { request, type Agent } from "node:http";

/** How many of `work` a second, by so many clients that each do one after the other. */
export async function rateOf(count: number, clients: number, work: () => Promise<void>): Promise<number> {
  let left = count;
  const from = performance.now();
  const client = async () => {
    for (; left > 0;) {
      left -= 1;
      await work();
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return (count * 1000) / (performance.now() - from);
}

/** Posts a body. Throws for any answer but 200. */
export async function post(agent: Agent, url: string, headers: Record<string, string>, body: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const sent = request(url, { method: "POST", agent, headers: { ...headers, "content-length": body.length } });
    sent.on("error", reject).on("response", (answer) => {
      answer.resume().on("end", () => {
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`${url} answered ${answer.statusCode}`));
      });
    });
    sent.end(body);
  });
}

/** A publish of that many bytes that nobody published before: rules of about 200 bytes, as a guardrail has. */
export function documentOf(bytes: number): Buffer {
  const id = randomBytes(16).toString("hex");
  const rule = (n: number) => ({ id: `${id}-${n}`, enabled: n % 2 === 0, weight: n / 8, pattern: "x".repeat(120) });
  const rules = Array.from({ length: Math.max(1, Math.floor(bytes / 205)) }, (_, n) => rule(n));
  return Buffer.from(JSON.stringify({ policies: { rules } }));
}
