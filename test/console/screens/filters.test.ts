import { describe, expect, it } from "vitest";
import { shellWord, signetCommand } from "../../../src/console/data/shell-words.js";
import { fieldOfInstant, instantOfField, timestampOfText } from "../../../src/console/data/timestamps.js";
import { auditParams, auditRequest } from "../../../src/console/screens/audit/audit-filter.js";
import { deploymentFilter } from "../../../src/console/screens/deployments/deployment-filter.js";
import { fleetParams, groupQuery, listFilter } from "../../../src/console/screens/fleet/fleet-filter.js";
import { choose, EVENT_GROUPS, isChosen } from "../../../src/console/screens/webhooks/event-patterns.js";

describe("filters in URLs", () => {
  it("of the fleet: what the server would refuse counts as none", () => {
    const params = fleetParams({ state: "gone", env: "prod", label: "zone=a=b", version: "3", group: "label:zone" });
    expect(listFilter(params)).toEqual({ environment: "prod", label: "zone=a=b", version: 3, live: false });
    expect(listFilter(fleetParams({ state: "rejected", q: "x" }))).toEqual({
      text: "x",
      live: true,
      state: "rejected",
    });
    const wrong = { state: "x", label: "zone", version: "0", group: "size", q: "y".repeat(256), env: "" };
    expect(listFilter(fleetParams(wrong))).toEqual({});
    expect(fleetParams(wrong).group).toBeUndefined();
  });

  it("of a group lead to its instances", () => {
    expect(groupQuery("label:zone", "a")).toEqual({ label: "zone=a" });
    expect(groupQuery("version", "7")).toEqual({ version: "7" });
    expect(groupQuery("agent", undefined)).toBeUndefined();
  });

  it("of deployments and audit", () => {
    expect(deploymentFilter({ env: "dev", kind: "rollback", since: "2026-01-31", until: "soon" })).toEqual({
      ...{ env: "dev", kind: "rollback", since: "2026-01-31" },
    });
    expect(deploymentFilter({ kind: "undo", since: "99999-01-01" })).toEqual({});
    expect(auditParams({ env: "dev", action: "bundle.*" })).toEqual({ action: "bundle.*" });
    expect(auditRequest("acme", auditParams({ project: "shop", env: "dev" }))).toEqual({
      ...{ orgId: "acme", projectId: "shop", environment: "dev" },
    });
  });

  it("have times as fields in UTC and back", () => {
    expect(fieldOfInstant("2026-03-01T12:30:45.000Z", "utc")).toBe("2026-03-01T12:30");
    expect(instantOfField("2026-03-01T12:30", "utc")).toBe("2026-03-01T12:30:00.000Z");
    const instant = instantOfField("2026-03-01T12:30", "local");
    expect(fieldOfInstant(instant, "local")).toBe("2026-03-01T12:30");
    expect([fieldOfInstant("x", "utc"), instantOfField("", "utc"), timestampOfText("x")]).toEqual(["", "", undefined]);
  });
});

describe("commands to copy", () => {
  it("quote what a shell would take apart", () => {
    expect(shellWord("web-1.example:80")).toBe("web-1.example:80");
    expect(shellWord("a b")).toBe("'a b'");
    expect(shellWord("$(rm -rf /)'; x")).toBe(String.raw`'$(rm -rf /)'\''; x'`);
    expect(signetCommand("runtimes", ["--env", "prod"], ["--instance", ""], ["--project", undefined])).toBe(
      "signet runtimes --env prod",
    );
  });
});

describe("event patterns", () => {
  it("a wider choice takes the place of what it covers", () => {
    expect(choose(["bundle.published", "token.created"], "bundle.*", true)).toEqual(["token.created", "bundle.*"]);
    expect(choose(["bundle.*", "token.created"], "*", true)).toEqual(["*"]);
    expect(choose(["bundle.*"], "bundle.*", false)).toEqual([]);
    expect(isChosen(["bundle.*"], "bundle.deleted")).toBe(true);
    expect(isChosen(["token.created"], "token.*")).toBe(false);
    expect(EVENT_GROUPS.flatMap(({ types }) => types)).toContain("webhook.test");
  });
});
