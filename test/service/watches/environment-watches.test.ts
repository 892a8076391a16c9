import { afterEach, describe, expect, it } from "vitest";
import type { Principal } from "../../../src/core/token.js";
import type { EnvironmentsEvent, WatchTopic } from "../../../src/service/watches/watch-event.js";
import { useServices } from "../fixture.js";

const fixture = useServices();
const open: AbortController[] = [];
afterEach(async () => {
  for (const stop of open.splice(0)) stop.abort();
});

function watch(principal: Principal = fixture.admin, topics: readonly WatchTopic[] = []) {
  const stop = new AbortController();
  open.push(stop);
  const input = { projectId: "", topics, after: [], lastEvent: null, addressKey: "127.0.0.1" };
  return { stop, events: fixture.services.watches.watch(principal, input, stop.signal) };
}

async function next(events: AsyncGenerator<EnvironmentsEvent>): Promise<EnvironmentsEvent> {
  const { value, done } = await events.next();
  if (done === true) throw new Error("ended");
  return value;
}

async function upToCurrent(events: AsyncGenerator<EnvironmentsEvent>): Promise<number> {
  for (let count = 0; ; count += 1) if ((await next(events)).kind === "current") return count;
}

describe("watches of environments", () => {
  it("give a slow reader the newest of each environment, and never the ones before; a quick one all", async () => {
    const [slow, quick] = [watch(), watch()];
    await Promise.all([upToCurrent(slow.events), upToCurrent(quick.events)]);
    const seen: (number | undefined)[] = [];
    for (let n = 1; n <= 20; n += 1) {
      await fixture.publish("dev", { n });
      const event = await next(quick.events);
      seen.push(event.kind === "environment" ? event.state.deployment?.sequence : undefined);
    }
    expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    await fixture.publish("staging", { n: 1 });
    const told = [await next(slow.events), await next(slow.events)];
    expect(told).toMatchObject([
      { kind: "environment", isActivated: true, state: { environment: { name: "dev" }, deployment: { sequence: 20 } } },
      { kind: "environment", state: { environment: { name: "staging" }, deployment: { sequence: 1 } } },
    ]);
  });

  it("show an organization nothing of another one", async () => {
    const foreigner = await fixture.foreigner();
    const theirs = watch(foreigner, ["fleet", "deliveries", "audit"]);
    expect(await upToCurrent(theirs.events)).toBe(0);
    const waiting = next(theirs.events);
    await fixture.publish("dev");
    await fixture.services.webhooks.create(fixture.admin, {
      ...{ url: "http://127.0.0.1:9/", events: ["*"], generateSecret: false },
    });
    await fixture.services.projects.create(foreigner, "theirs");
    const told = [await waiting];
    while (told.at(-1)?.kind !== "environment") told.push(await next(theirs.events));
    for (const event of told) {
      if (event.kind === "audit") expect(event.event.action).not.toMatch(/^(bundle|webhook)/);
      else expect(event).toMatchObject(event.kind === "project" ? { project: { orgId: foreigner.orgId } } : {});
      expect(["project", "environment", "audit"]).toContain(event.kind);
    }
  });

  it("cost one slot of the token, which is free again when the reader goes while nothing happens", async () => {
    const { sessions } = fixture.services;
    const { stop, events } = watch();
    await upToCurrent(events);
    expect(sessions.count("stream")).toBe(1);
    const waiting = events.next();
    stop.abort(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
    expect(sessions.count("stream")).toBe(0);
  });

  it("end when the server shuts down, all of them, and let no new one in", async () => {
    const all = [watch(), watch(), watch()];
    for (const { events } of all) await upToCurrent(events);
    const waiting = all.map(({ events }) => events.next());
    fixture.services.sessions.shutdown();
    const ends = await Promise.allSettled(waiting);
    expect(ends.map((end) => end.status === "rejected" && (end.reason as { code: string }).code)).toEqual(
      Array.from({ length: 3 }, () => "unavailable"),
    );
    await expect(watch().events.next()).rejects.toMatchObject({ code: "unavailable" });
  });

  it("end with the session of the console by which they were opened, and no other one's", async () => {
    const { consoleSessions } = fixture.services;
    const signIn = async () => {
      const { id } = await consoleSessions.open(fixture.admin);
      return await consoleSessions.authenticate({ id, isUnattended: false });
    };
    const [mine, others] = [await signIn(), await signIn()];
    const [one, other] = [watch(mine), watch(others)];
    for (const { events } of [one, other]) await upToCurrent(events);
    const [ends, goesOn] = [one.events.next(), other.events.next()];
    void ends.catch(() => undefined);
    await consoleSessions.end(mine);
    await expect(ends).rejects.toMatchObject({ code: "unauthenticated" });
    await fixture.publish("dev");
    expect(await goesOn).toMatchObject({ value: { kind: "environment" } });
  });
});
