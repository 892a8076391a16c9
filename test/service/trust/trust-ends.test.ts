import { beforeEach, describe, expect, it } from "vitest";
import { TRUST } from "../../../src/server/diagnosis/trust-check.js";
import { TrustEndsLog } from "../../../src/server/trust-ends.js";
import { DAY, publishInput, useServices } from "../fixture.js";
import { AUTHORS, Trusted } from "./trusted.js";

const signet = useServices();
let trusted: Trusted;
beforeEach(() => {
  trusted = new Trusted(signet);
});

const findings = async () =>
  await TRUST.run({ ...{ read: signet.store.read, clock: signet.clock }, ...{ shared: null, full: false } } as never);

describe("what runtimes refuse soon", () => {
  it("is told by the diagnosis and once a day by the log: newest roots and active releases", async () => {
    const root = await trusted.begin(1, { expiresAt: "2026-05-20T00:00:00Z" });
    const policies = '{"n":1}';
    const dryRun = signet.change({ dryRun: true });
    const input = publishInput({ policies, activate: false });
    const { bundle } = await signet.services.publishing.publish(dryRun, signet.path("dev"), input);
    const until = { expiresAt: "2026-05-11T12:00:00Z", number: 4 };
    await trusted.upload(await trusted.release({ dev: bundle.policyHash }, AUTHORS, until));
    await trusted.upload(await trusted.release({ prod: bundle.policyHash }, AUTHORS, { ...until, number: 5 }));
    await signet.publish("dev", { n: 1 });

    expect(await findings()).toMatchObject([
      { level: "warning", summary: "root 1 of the project default expires in 18.5 days" },
      { level: "warning", summary: "release 4, which is active in dev of the project default, expires in 10.0 days" },
    ]);
    const lines: string[] = [];
    const log = { warn: (_: object, line: string) => void lines.push(line) };
    const ends = new TrustEndsLog({ read: signet.store.read, clock: signet.clock, log: log as never });
    for (let hour = 0; hour < 24; hour += 1) await ends.tell();
    expect(lines).toEqual([
      "root 1 of the project default expires at 2026-05-20T00:00:00.000Z",
      "release 4, which is active in dev of the project default, expires at 2026-05-11T12:00:00.000Z",
    ]);

    await trusted.publish({ ...root, version: 2, expiresAt: "2099-01-01T00:00:00Z" });
    signet.clock.advanceSeconds(11 * DAY);
    await ends.tell();
    expect(lines.slice(2)).toEqual([
      "release 4, which is active in dev of the project default, expired at 2026-05-11T12:00:00.000Z",
    ]);
    expect(await findings()).toMatchObject([{ level: "error", summary: expect.stringContaining("take nothing new") }]);
  });

  it("is nothing without roots", async () => {
    await signet.publish("dev");
    expect(await findings()).toMatchObject([{ level: "ok", remedy: null }]);
  });
});
