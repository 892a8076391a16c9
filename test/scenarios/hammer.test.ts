import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parsePublicKey, SignetError, type PublicKey } from "../../src/sdk/index.js";
import { createRandom } from "../chaos/work.js";
import { startTestServer, type TestServer } from "../support/server.js";
import type { Driver } from "./drivers/driver.js";
import { openGrpcJs } from "./drivers/grpc-js.js";
import { fetchHttp } from "./drivers/http.js";
import { restDriver } from "./drivers/rest.js";
import { Ledger, type Told } from "./ledger.js";
import { createTestProject, STAGES, type Stage, type TestProject } from "./project.js";
import { firstMessage, untilRefused } from "./until-refused.js";

/** For each environment; each makes so many changes. */
const WRITERS = 3;
const CHANGES = 25;

let server: TestServer;
let trusted: readonly PublicKey[];
let projects = 0;
beforeAll(async () => {
  server = await startTestServer();
  const { keys } = await server.admin.bundles.listKeys({});
  trusted = keys.filter(({ purpose }) => purpose === "bundles").map((key) => parsePublicKey(key.publicKeyPem));
});
afterAll(() => server[Symbol.asyncDispose]());

/** An environment with its readers' token. */
interface Hammered {
  readonly stage: Stage;
  readonly ledger: Ledger;
  readonly grpc: Driver;
  readonly rest: Driver;
}

async function openProject(): Promise<{ project: TestProject; hammered: readonly Hammered[] }> {
  const project = await createTestProject(server, `hammer-${(projects += 1)}`);
  const hammered = STAGES.map((stage) => {
    const token = project.runtimeToken[stage];
    const rest = restDriver(fetchHttp(server.url), token, stage === "dev" ? "events" : "lines");
    return { stage, ledger: new Ledger(project.place[stage], trusted), grpc: openGrpcJs(server.url, token), rest };
  });
  return { project, hammered };
}

/** Publishes, publishes and activates apart, activates an older version, deletes one: whatever the dice say. */
async function write({ ledger }: Hammered, seed: number): Promise<void> {
  const { bundles } = server.admin;
  const random = createRandom(seed);
  const versions: number[] = [];
  for (let change = 0; change < CHANGES; change += 1) {
    const dice = random(10);
    const version = versions[random(Math.max(versions.length, 1))];
    const policies = JSON.stringify({ seed, change, filler: "x".repeat(random(3) * 400) });
    if (dice < 4 || version === undefined) {
      const made = await bundles.publishBundle({ ...ledger.place, policies });
      ledger.acknowledge(made);
      versions.push(made.version);
    } else if (dice < 6) {
      const kept = await bundles.publishBundle({ ...ledger.place, policies, activate: false });
      ledger.acknowledge(await bundles.activateBundle({ ...ledger.place, version: kept.version }));
      versions.push(kept.version);
    } else if (dice < 9) {
      ledger.acknowledge(await bundles.activateBundle({ ...ledger.place, version }));
    } else if (await remove(ledger, version)) {
      versions.splice(versions.indexOf(version), 1);
    }
  }
}

/** False when it is the active one. */
async function remove({ place }: Ledger, version: number): Promise<boolean> {
  try {
    await server.admin.bundles.deleteBundle({ ...place, version });
    return true;
  } catch (thrown) {
    if (thrown instanceof SignetError && thrown.code === "conflict") return false;
    throw thrown;
  }
}

/** Reads one answer after the other until it is told to stop; the next request says what the last answer was. */
type Reader = (hammered: Hammered, goesOn: () => boolean) => Promise<void>;

const poll =
  (
    what: string,
    driverOf: (hammered: Hammered) => Driver,
    headersOf: (etag: string) => Record<string, string>,
  ): Reader =>
  async (hammered, goesOn) => {
    let etag = "";
    while (goesOn()) {
      const { floor } = hammered.ledger;
      const told = await driverOf(hammered).latest(headersOf(etag));
      if (told.notModified) expect(told, what).toMatchObject({ etag, document: "" });
      await hammered.ledger.check(what, floor, told);
      ({ etag } = told);
    }
  };

/** Comes back with its cursor after some messages, and is told of nothing that it had. */
const watch =
  (what: string, driverOf: (hammered: Hammered) => Driver): Reader =>
  async (hammered, goesOn) => {
    let cursor = 0;
    const random = createRandom(what.length);
    while (goesOn()) {
      const { floor } = hammered.ledger;
      const gone = new AbortController();
      let left = 1 + random(6);
      let isFirst = true;
      for await (const message of driverOf(hammered).watch({ afterSequence: cursor, signal: gone.signal })) {
        const { event, sequence } = message;
        if (event === "activation") {
          expect(sequence, `${what}: went back`).toBeGreaterThan(cursor);
          const etag = `${message.policyHash}.${sequence}`;
          const told: Told = { sequence, etag, deploymentId: message.deploymentId!, document: message.document! };
          await hammered.ledger.check(what, isFirst ? floor : 0, told);
        } else expect(sequence, `${what}: ${event}`).toBe(cursor);
        if (isFirst) expect(sequence, `${what}: began too early`).toBeGreaterThanOrEqual(floor);
        cursor = sequence;
        isFirst = false;
        if ((left -= 1) === 0 || !goesOn()) break;
      }
      gone.abort();
    }
  };

const READERS: Readonly<Record<string, Reader>> = {
  "poll over REST": poll(
    "poll over REST",
    ({ rest }) => rest,
    () => ({}),
  ),
  "poll over REST with an ETag": poll(
    "poll with an ETag",
    ({ rest }) => rest,
    (etag) => ({ "If-None-Match": `"${etag}"` }),
  ),
  "poll over gRPC": poll(
    "poll over gRPC",
    ({ grpc }) => grpc,
    () => ({}),
  ),
  "poll over gRPC with an ETag": poll(
    "poll over gRPC with an ETag",
    ({ grpc }) => grpc,
    (etag) => ({ "if-none-match": etag }),
  ),
  "held poll": poll(
    "held poll",
    ({ rest }) => rest,
    (etag) => ({ "If-None-Match": `"${etag}"`, Prefer: "wait=300" }),
  ),
  "watch over gRPC": watch("watch over gRPC", ({ grpc }) => grpc),
  "watch over REST": watch("watch over REST", ({ rest }) => rest),
};

describe("while many write at once", () => {
  it("no reader sees what is older than what was acknowledged before it asked, or parts of two activations", async () => {
    const { project, hammered } = await openProject();
    await using _connections = connectionsOf(hammered);
    for (const { stage, ledger } of hammered) ledger.acknowledge(await firstOf(project, stage));
    let isWriting = true;
    const reading = hammered.flatMap((one) => Object.values(READERS).map((read) => read(one, () => isWriting)));
    // A reader that fails is told of at once, not when the others are done.
    const failed = Promise.race(reading.map((read) => read.then(() => new Promise<never>(() => undefined))));
    const writing = Promise.all(
      hammered.flatMap((one, at) => Array.from({ length: WRITERS }, (_, index) => write(one, 100 * at + index))),
    );
    await Promise.race([writing, failed]);
    isWriting = false;
    // For whoever is held: one change more.
    for (const { stage, ledger } of hammered) ledger.acknowledge(await firstOf(project, stage));
    await Promise.all(reading);
    for (const { ledger, rest, grpc } of hammered) {
      for (const driver of [rest, grpc]) {
        await ledger.check("afterwards", ledger.floor, await driver.latest());
      }
      expect(ledger.floor).toBeGreaterThan(CHANGES);
      expect(ledger.toldSequences.length).toBeGreaterThan(5);
    }
  });

  it("a deleted environment, and a deleted project, is never served again", async () => {
    const { project, hammered } = await openProject();
    await using _connections = connectionsOf(hammered);
    for (const { stage, ledger } of hammered) ledger.acknowledge(await firstOf(project, stage));
    const deleted = new Set<Stage>();
    const readers = hammered.flatMap(({ stage, rest, grpc }) =>
      [rest, grpc].flatMap((driver) => [
        untilRefused(
          driver,
          () => deleted.has(stage),
          (it) => it.latest(),
        ),
        untilRefused(
          driver,
          () => deleted.has(stage),
          (it) => it.latest({ "If-None-Match": "*" }),
        ),
        untilRefused(driver, () => deleted.has(stage), firstMessage),
      ]),
    );
    const writing = hammered.map((one, at) => write(one, at).catch(() => undefined));
    for (const stage of ["dev", "staging"] as const) {
      await server.admin.organizations.deleteEnvironment({ ...project.place[stage], force: true });
      deleted.add(stage);
    }
    await server.admin.organizations.updateEnvironment({ ...project.place.prod, protected: false });
    await server.admin.organizations.deleteProject({ ...project.place.prod, force: true });
    deleted.add("prod");
    for (const code of await Promise.all(readers)) expect([401, "UNAUTHENTICATED"]).toContain(code);
    await Promise.all(writing);
  });

  it("an environment that is made again has nothing of the one before but its numbers", async () => {
    const { project, hammered } = await openProject();
    await using _connections = connectionsOf(hammered);
    const [{ ledger, rest }] = hammered as [Hammered];
    const { orgId, projectId, envName: name } = project.place.dev;
    let [sequence, version] = [0, 0];
    for (let life = 1; life <= 5; life += 1) {
      const made = await firstOf(project, "dev");
      [sequence, version] = [made.sequence ?? 0, made.version];
      ledger.acknowledge(made);
      if (life === 1) await rest.latest();
    }
    await server.admin.organizations.deleteEnvironment({ ...project.place.dev, force: true });
    const { id: environmentId } = await server.admin.organizations.createEnvironment({ orgId, projectId, name });
    const { rawKey } = await server.admin.tokens.createRuntimeToken({ orgId, projectId, environmentId });
    const again = restDriver(fetchHttp(server.url), rawKey ?? "", "events");
    expect(again.failure(await again.latest().catch((thrown: unknown) => thrown)).code).toBe(404);
    const made = await firstOf(project, "dev");
    expect(made.version).toBe(version + 1);
    expect(await again.latest()).toMatchObject({
      sequence: sequence + 1,
      etag: `${made.policyHash}.${sequence + 1}`,
    });
    expect(rest.failure(await rest.latest().catch((thrown: unknown) => thrown)).code).toBe(401);
  });
});

function connectionsOf(hammered: readonly Hammered[]): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      for (const { grpc } of hammered) await grpc[Symbol.asyncDispose]();
    },
  };
}

async function firstOf({ place }: TestProject, stage: Stage) {
  return await server.admin.bundles.publishBundle({ ...place[stage], policies: JSON.stringify({ stage, projects }) });
}
