import { describe, expect, it } from "vitest";
import { OpaStatuses } from "../../../src/service/opa/opa-statuses.js";
import { useServices } from "../fixture.js";

const ADDRESS = "192.0.2.1";

describe("what OPAs say of their bundles", () => {
  const signet = useServices();

  async function prepare() {
    const { documents, instances } = signet.services;
    await signet.publish("dev", { n: 1 });
    const { principal } = await signet.runtime("dev");
    const written: string[] = [];
    const statuses = new OpaStatuses({
      documents,
      instances: {
        connected(...args) {
          written.push(`${args[1].instanceId} connected`);
          instances.connected(...args);
        },
        report(...args) {
          written.push(`${args[1].instanceId} ${args[1].state}`);
          return instances.report(...args);
        },
      },
      store: signet.store,
      clock: signet.clock,
    });
    const active = await signet.services.active.read((await signet.environment("dev")).id);
    const active_revision = `${active?.deployment.sequence}.${active?.deployment.policyHash}`;
    const send = async (id: string, bundle: object) => {
      const body = Buffer.from(JSON.stringify({ labels: { id }, bundles: { policy: bundle } }));
      await statuses.take(principal, body, ADDRESS, async () => {});
    };
    return { written, active_revision, send };
  }

  it("is written when it changes, and once a minute while it does not", async () => {
    const { written, active_revision, send } = await prepare();
    for (let polls = 0; polls < 100; polls += 1) await send("a", { active_revision });
    expect(written).toEqual(["a applied"]);

    await send("a", { active_revision, code: "bundle_error", message: "it does not compile" });
    await send("a", { active_revision, code: "bundle_error", message: "it does not compile" });
    expect(written.splice(0)).toEqual(["a applied", "a rejected"]);

    signet.clock.advanceSeconds(59);
    await send("a", { active_revision, code: "bundle_error", message: "it does not compile" });
    expect(written).toEqual([]);
    signet.clock.advanceSeconds(1);
    await send("a", { active_revision, code: "bundle_error", message: "it does not compile" });
    await send("b", {});
    await send("b", {});
    expect(written).toEqual(["a rejected", "b connected"]);
  });
});
