import { beforeEach, describe, expect, it } from "vitest";
import { AppError } from "../../../src/core/error.js";
import type { Principal } from "../../../src/core/token.js";
import { pullEvents } from "../../../src/service/runtimes/pull.js";
import type { Reader, Store } from "../../../src/store/store.js";
import { useServices } from "../fixture.js";

describe("a node that has not heard yet of what another one activated", () => {
  const signet = useServices(true);
  let late: typeof signet.services;
  let isAway: boolean;
  let principal: Principal;
  let deploymentId: string;

  beforeEach(async () => {
    isAway = false;
    const { store } = signet;
    const read: Reader = {
      ...store.read,
      async environmentById(id) {
        if (isAway) throw new AppError("unavailable", "the database is away");
        return await store.read.environmentById(id);
      },
    };
    const shared: Store = { ...store, read, write: (work) => store.write(work) };
    late = signet.compose(shared);
    ({ principal } = await signet.runtime("dev"));
    await signet.publish("dev", { n: 1 });
    const { sequence } = (await late.active.read(principal.environmentId ?? ""))?.deployment ?? {};
    expect(sequence).toBe(1);
    const { deploymentId: id } = await signet.publish("dev", { n: 2 });
    deploymentId = id ?? "";
  });

  const cursor = () => ({ afterSequence: 2, afterDeploymentId: deploymentId });
  const watch = async (from: { afterSequence: number; afterDeploymentId: string }) => {
    const client = { userAgent: null, clientAddress: "192.0.2.1", addressKey: "192.0.2.1" };
    const request = { ...from, rootVersion: 0, instanceId: "", labels: {}, ...client };
    const events = pullEvents(late.push, principal, request, new AbortController().signal);
    const next = await events.next();
    await events.return(undefined);
    return next.done === true ? undefined : next.value;
  };
  const poll = (ifNoneMatch: readonly string[]) => {
    const none = { afterSequence: 0, afterDeploymentId: "" };
    const request = { ...none, ifNoneMatch, waitSeconds: 0, clientAddress: "192.0.2.1" };
    return late.latest.latest(principal, request, new AbortController().signal);
  };

  it("takes no watch and no poll back that has it", async () => {
    expect(await watch(cursor())).toMatchObject({ kind: "heartbeat", sequence: 2 });
    expect((await poll([`sha256:${"0".repeat(64)}.2`])).active.deployment.sequence).toBe(2);
  });

  it("takes no poll back that has it by a tag", async () => {
    expect((await poll([`sha256:${"0".repeat(64)}.2`])).active.deployment.sequence).toBe(2);
  });

  it("refuses both while the database is away, and serves those that do not have it", async () => {
    isAway = true;
    await expect(watch(cursor())).rejects.toMatchObject({ code: "unavailable" });
    await expect(poll([`sha256:${"0".repeat(64)}.2`])).rejects.toMatchObject({ code: "unavailable" });
    expect(await watch({ afterSequence: 0, afterDeploymentId: "" })).toMatchObject({ kind: "activation", sequence: 1 });
    expect((await poll([])).active.deployment.sequence).toBe(1);
  });

  it("tells a runtime whose history the database does not have what is active", async () => {
    expect(await watch({ afterSequence: 9, afterDeploymentId: "" })).toMatchObject({ kind: "activation", sequence: 2 });
  });
});
