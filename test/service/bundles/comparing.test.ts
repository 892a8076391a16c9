import { describe, expect, it } from "vitest";
import type { Principal } from "../../../src/core/token.js";
import type { ComparedVersion } from "../../../src/service/bundles/comparing.js";
import { publishInput, useServices } from "../fixture.js";

const side = (envName: string, version: number | null = null): ComparedVersion => ({ envName, version });

describe("a comparison", () => {
  const signet = useServices();

  const compare = (from: ComparedVersion, to: ComparedVersion, caller: Principal = signet.admin) =>
    signet.services.comparing.compare(caller, signet.projectId, { from, to }, new AbortController().signal);

  it("of two versions of an environment goes from the first to the second", async () => {
    await signet.publish("dev", { limit: 1, gone: true });
    await signet.publish("dev", { limit: 2.5 });
    const compared = await compare(side("dev", 1), side("dev"));
    expect(compared).toMatchObject({
      before: { environment: "dev", bundle: { version: 1 }, isActive: false },
      after: { environment: "dev", bundle: { version: 2 }, isActive: true },
      ...{ total: 2, isTruncated: false },
      changes: [
        { op: "replace", path: "/policies/limit", oldValue: "1", newValue: "2.5" },
        { op: "remove", path: "/policies/gone", oldValue: "true", newValue: null },
      ],
    });
    expect(await compare(side("dev"), side("dev"))).toMatchObject({ total: 0, changes: [] });
  });

  it("of two environments says what a promotion would change, with rewritten scope policies", async () => {
    const publish = (limit: number) =>
      signet.services.publishing.publish(
        signet.change(),
        signet.path("dev"),
        publishInput({ policies: JSON.stringify({ limit }), scopePolicies: '{"t:a:g:dev":{"n":1}}' }),
      );
    await publish(1);
    expect(await compare(side("dev"), side("staging"))).toMatchObject({
      before: null,
      after: { environment: "dev", bundle: { version: 1 } },
      changes: [
        { op: "add", path: "/policies/limit", oldValue: null, newValue: "1" },
        { op: "add", path: "/scope_policies/t:a:g:staging", newValue: '{"n":1}' },
      ],
    });
    await signet.promote("dev");
    expect(await compare(side("dev"), side("staging"))).toMatchObject({ total: 0 });
    await publish(2);
    expect(await compare(side("dev"), side("staging"))).toMatchObject({
      before: { environment: "staging", bundle: { version: 1 } },
      changes: [{ op: "replace", path: "/policies/limit", oldValue: "1", newValue: "2" }],
    });
  });

  it("says what is not there, and shows a token nothing of what it does not see", async () => {
    await signet.publish("dev");
    await signet.promote("dev");
    await expect(compare(side("prod"), side("dev"))).rejects.toMatchObject({
      ...{ code: "not_found", message: 'nothing is active in "prod"' },
    });
    await expect(compare(side("dev", 7), side("dev"))).rejects.toMatchObject({
      ...{ code: "not_found", message: 'version 7 not found in "dev"' },
    });
    const { principal } = await signet.runtime("dev");
    expect(await compare(side("dev"), side("dev"), principal)).toMatchObject({ total: 0 });
    for (const hidden of ["staging", "nowhere"]) {
      for (const [from, to] of [
        ["dev", hidden],
        [hidden, "dev"],
      ] as const) {
        await expect(compare(side(from), side(to), principal)).rejects.toMatchObject({
          ...{ code: "not_found", message: "environment not found" },
        });
      }
    }
    await expect(compare(side("dev"), side("dev"), await signet.foreigner())).rejects.toMatchObject({
      ...{ code: "not_found" },
    });
  });

  it("is refused as the promotion would be", async () => {
    const input = publishInput({ scopePolicies: '{"t:a:g:dev":{},"t:a:g:staging":{}}' });
    await signet.services.publishing.publish(signet.change(), signet.path("dev"), input);
    const fields = [{ loc: ["body", "scope_policies", "t:a:g:dev"], type: "scope_collision" }];
    await expect(compare(side("dev"), side("staging"))).rejects.toMatchObject({ code: "invalid", fields });
  });

  it("of large documents is bounded", async () => {
    const of = (value: number) => Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`key ${n}`, value]));
    await signet.publish("dev", of(1));
    await signet.publish("dev", of(2));
    const { changes, total, isTruncated } = await compare(side("dev", 1), side("dev", 2));
    expect([changes.length, total, isTruncated]).toEqual([1_000, 20_000, true]);
  });
});
