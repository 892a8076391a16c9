import { describe, expect, it } from "vitest";
import { useServices } from "../fixture.js";

describe("what is active, from memory", () => {
  const signet = useServices();

  /** Reads the environment, then does `meanwhile`, and only then sees what was read. */
  async function readAcross(environmentId: string, meanwhile: () => Promise<unknown>) {
    signet.moments.afterEnvironmentRead = async () => {
      signet.moments.afterEnvironmentRead = () => {};
      await meanwhile();
    };
    return await signet.services.active.read(environmentId);
  }

  it("is never what a load read that a change overtook", async () => {
    await signet.publish("dev", { n: 1 });
    const { id } = await signet.environment("dev");
    const read = await readAcross(id, () => signet.publish("dev", { n: 2 }));
    expect(read?.deployment.sequence).toBe(2);
    expect(signet.services.active.peek(id)?.deployment.sequence).toBe(2);
  });

  it("is nothing of an environment that was deleted while it was read", async () => {
    await signet.publish("dev", { n: 1 });
    const { id } = await signet.environment("dev");
    const deletion = () => signet.services.environments.delete(signet.admin, signet.path("dev"));
    await expect(readAcross(id, deletion)).rejects.toMatchObject({ code: "not_found" });
    expect(signet.services.active.peek(id)).toBeUndefined();
  });

  it("is one and the same object for all who read at once, and until the next change", async () => {
    await signet.publish("dev", { n: 1 });
    const { id } = await signet.environment("dev");
    const all = await Promise.all(Array.from({ length: 5 }, () => signet.services.active.read(id)));
    expect(new Set(all).size).toBe(1);
    expect(await signet.services.active.read(id)).toBe(signet.services.active.peek(id));
    await signet.activate("dev", 1);
    expect(signet.services.active.peek(id)).toBeUndefined();
    expect((await signet.services.active.read(id))?.deployment.sequence).toBe(2);
  });
});
