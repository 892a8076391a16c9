import { describe, expect, it } from "vitest";
import { startCluster } from "../../../tools/postgres/cluster.js";
import { startFaultProxy } from "./fault-proxy.js";
import { startStandby } from "./standby.js";

describe("a standby", () => {
  it("follows through a proxy, loses what came after its replication stopped, and becomes a primary", async () => {
    await using primary = await startCluster({ password: "it's secret" });
    await primary.createDatabase("first");
    await primary.query("create table t as select 1 as value", [], "first");
    await using proxy = await startFaultProxy(primary);
    await using standby = await startStandby(primary, proxy.port);
    const insert = (value: number) => primary.query("insert into t values ($1)", [value], "first");
    const values = async () => {
      const rows = await standby.query<{ value: number }>("select value from t order by value", [], "first");
      return rows.map(({ value }) => value);
    };

    await insert(2);
    await standby.caughtUp();
    expect(await values()).toEqual([1, 2]);
    await expect(standby.query("insert into t values (9)", [], "first")).rejects.toThrow(/read-only/);

    await standby.stopReplication();
    await insert(3);
    expect(await values()).toEqual([1, 2]);
    await standby.resumeReplication();
    await standby.caughtUp();
    expect(await values()).toEqual([1, 2, 3]);

    await standby.stopReplication();
    await insert(4);
    await primary.crash();
    await standby.promote();
    expect(await values()).toEqual([1, 2, 3]);
    await standby.query("insert into t values (5)", [], "first");
    const [timeline] = await standby.query("select timeline_id from pg_control_checkpoint()");
    expect(timeline).toEqual({ timeline_id: 2 });
    expect(proxy.counts.accepted).toBeGreaterThan(0);
  });
});
