import { describe, expect, it } from "vitest";
import { FIGURED_VERSIONS, readFleetFigures } from "../../../src/service/runtimes/fleet-figures.js";
import { useServices } from "../fixture.js";

const nothing = { deploymentId: "", reason: null, agent: null, labels: {}, keyIds: null, clientAddress: "192.0.2.1" };

describe("the figures of fleets", () => {
  const signet = useServices();
  const figures = async () => {
    await signet.services.instances.flush();
    return await readFleetFigures(signet.store.read, signet.clock);
  };
  const applied = (instanceId: string, sequence: number) => ({
    ...nothing,
    ...{ instanceId, sequence, state: "applied" as const },
  });

  it("count live instances by state and version, and tell what is active since when", async () => {
    for (let n = 1; n <= 2; n += 1) await signet.publish("dev", { n });
    const { principal } = await signet.runtime("dev");
    const { instances } = signet.services;
    await instances.report(principal, applied("gone", 1));
    signet.clock.advanceSeconds(600);
    for (const name of ["a", "b"]) await instances.report(principal, applied(name, 2));
    await instances.report(principal, applied("c", 1));
    await instances.report(principal, { ...applied("d", 2), state: "rejected" });
    const { instances: found, active } = await figures();
    expect(found.map(({ environment, state, version, count }) => [environment, state, version, count]).sort()).toEqual([
      ["dev", "applied", "2", 2],
      ["dev", "behind", "1", 1],
      ["dev", "rejected", "none", 1],
    ]);
    const [only, ...others] = active;
    expect(others).toEqual([]);
    expect(only).toMatchObject({ environment: "dev", sequence: 2 });
    expect(Date.parse(only?.since ?? "")).toBe(signet.clock.now().getTime() - 600_000);
    expect([only?.organization, only?.project]).toEqual([found[0]?.organization, found[0]?.project]);
  });

  it("tell the versions of the most instances apart, and sum the others", async () => {
    const versions = FIGURED_VERSIONS + 3;
    for (let n = 1; n <= versions; n += 1) await signet.publish("dev", { n });
    const { principal } = await signet.runtime("dev");
    for (let n = 1; n <= versions; n += 1) {
      for (let twin = 0; twin <= (n > 3 ? 1 : 0); twin += 1) {
        await signet.services.instances.report(principal, applied(`i${n}-${twin}`, n));
      }
    }
    const counts = (await figures()).instances.map(({ state, version, count }) => `${state} ${version} ${count}`);
    expect(counts.sort()).toEqual([
      "applied 8 2",
      "behind 4 2",
      "behind 5 2",
      "behind 6 2",
      "behind 7 2",
      "behind _other 3",
    ]);
  });

  it("know when the next token of each kind expires", async () => {
    expect((await figures()).tokenExpiry).toEqual(new Map());
    await signet.runtime("dev", { expiresInDays: 30 });
    await signet.runtime("staging", { expiresInDays: 10 });
    const { tokenExpiry } = await figures();
    const days = (Date.parse(tokenExpiry.get("runtime") ?? "") - signet.clock.now().getTime()) / 86_400_000;
    expect([days, tokenExpiry.size]).toEqual([10, 1]);
    signet.clock.advanceSeconds(20 * 86_400);
    const later = (await figures()).tokenExpiry.get("runtime") ?? "";
    expect((Date.parse(later) - signet.clock.now().getTime()) / 86_400_000).toBe(10);
  });
});
