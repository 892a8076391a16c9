import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { BundleSchema, DeploymentSchema } from "../../../gen/signet/v1/bundle_pb.js";
import { EnvironmentSchema } from "../../../gen/signet/v1/organization_pb.js";
import { GetRolloutResponseSchema } from "../../../gen/signet/v1/runtime_pb.js";
import { EnvironmentFleetSchema, WatchedEnvironmentSchema } from "../../../gen/signet/v1/watch_pb.js";
import type { EnvironmentNews } from "../../../src/console/data/environment-news.js";
import { LanesReader } from "../../../src/console/screens/lanes/lanes-reader.js";
import type { LaneClient } from "../../../src/console/screens/lanes/read-lanes.js";

const PROJECT = "1b6f3f4e-7c0b-4d55-9a3e-8d1f0a6e2c11";
const signal = new AbortController().signal;

/** A server of twelve environments that counts its calls. */
class Server {
  readonly calls: string[] = [];
  readonly sequences = Array.from({ length: 12 }, () => 1);
  live = 0;
  /** Called in the middle of each call. */
  meanwhile: () => void = () => undefined;

  readonly client = {
    organizations: {
      listEnvironments: async () => {
        const environments = this.sequences.map((_, index) => this.environment(index));
        await this.#called("list", "");
        return { environments };
      },
    },
    bundles: {
      listDeployments: async ({ envName = "" }) => {
        const data = [this.deployment(Number(envName.slice(1)))];
        await this.#called("deployments", envName);
        return { data };
      },
      listBundles: async ({ envName = "" }) => {
        const version = this.sequences[Number(envName.slice(1))] ?? 0;
        await this.#called("bundle", envName);
        return { bundles: [create(BundleSchema, { version, labels: { of: String(version) } })] };
      },
    },
    runtimes: {
      getRollout: async ({ envName = "" }) => {
        const rollout = create(GetRolloutResponseSchema, { live: this.live, applied: this.live });
        await this.#called("rollout", envName);
        return rollout;
      },
    },
  } as unknown as LaneClient;

  environment(index: number, more: MessageInitShape<typeof EnvironmentSchema> = {}) {
    const sequence = this.sequences[index] ?? 0;
    const init = { id: `id-${index}`, name: `e${index}`, position: index, sequence, activeVersion: sequence };
    return create(EnvironmentSchema, { ...init, ...more });
  }

  deployment(index: number) {
    const sequence = this.sequences[index] ?? 0;
    return create(DeploymentSchema, { sequence, version: sequence, title: `v${sequence}` });
  }

  /** What the stream tells of an environment. */
  state(index: number, more: MessageInitShape<typeof EnvironmentSchema> = {}): EnvironmentNews {
    const told = { projectId: PROJECT, project: "shop", environment: this.environment(index, more) };
    return { kind: "state", value: create(WatchedEnvironmentSchema, { ...told, deployment: this.deployment(index) }) };
  }

  activate(index: number): EnvironmentNews {
    this.sequences[index] = (this.sequences[index] ?? 0) + 1;
    return this.state(index);
  }

  figures(index: number, live: number): EnvironmentNews {
    const value = [create(EnvironmentFleetSchema, { environmentId: `id-${index}`, live, applied: live })];
    return { kind: "fleet", value };
  }

  /** The calls since the last time. */
  taken(): string[] {
    return this.calls.splice(0).sort();
  }

  async #called(what: string, name: string): Promise<void> {
    this.calls.push(`${what} ${name}`.trim());
    this.meanwhile();
    await Promise.resolve();
  }
}

async function opened() {
  const server = new Server();
  const reader = new LanesReader({ org: "acme", project: "shop" }, server.client);
  await reader.read(signal);
  expect(server.taken()).toHaveLength(1 + 3 * 12);
  const titleOf = (index: number) => {
    const lane = reader.lanes.value?.[index];
    return `${lane?.history[0]?.title} of ${lane?.environment.sequence}, ${lane?.bundle?.labels["of"] ?? "no labels"}`;
  };
  return { server, reader, titleOf, due: () => reader.due.value };
}

describe("the lanes that are shown", () => {
  it("have an activation at once, and read what it does not tell, of its environment alone", async () => {
    const { server, reader, titleOf, due } = await opened();
    reader.hear(server.activate(3));
    expect([titleOf(3), titleOf(2), due()]).toEqual(["v2 of 2, no labels", "v1 of 1, 1", 1]);
    await reader.read(signal);
    expect([titleOf(3), server.taken()]).toEqual(["v2 of 2, 2", ["bundle e3", "rollout e3"]]);
  });

  it("read for a burst of 20 pushes what one of them needs, and the history when pushes were skipped", async () => {
    const { server, reader, titleOf } = await opened();
    for (let n = 0; n < 20; n += 1) reader.hear(server.activate(0));
    await reader.read(signal);
    expect([titleOf(0), server.taken()]).toEqual(["v21 of 21, 21", ["bundle e0", "rollout e0"]]);
    server.activate(0);
    reader.hear(server.activate(0));
    await reader.read(signal);
    expect([titleOf(0), server.taken()]).toEqual(["v23 of 23, 23", ["bundle e0", "deployments e0", "rollout e0"]]);
  });

  it("read nothing for what they have: the states with which a stream begins, figures that are alike, other projects", async () => {
    const { server, reader, due } = await opened();
    for (let index = 0; index < 12; index += 1) reader.hear(server.state(index));
    reader.hear(server.figures(1, 0));
    const value = create(WatchedEnvironmentSchema, {
      ...{ projectId: "another", project: "else", environment: { id: "x", name: "dev" } },
    });
    reader.hear({ kind: "state", value });
    expect(due()).toBe(0);
    reader.hear(server.figures(1, 5));
    expect(due()).toBe(1);
    await reader.read(signal);
    expect(server.taken()).toEqual(["rollout e1"]);
  });

  it("read everything for an environment that is new or gone, and when news may have been missed", async () => {
    const { server, reader, due } = await opened();
    server.sequences.push(1);
    for (const tell of [
      () => reader.hear(server.state(12)),
      () => reader.hear({ kind: "gone", id: "id-12" }),
      () => reader.missed(),
    ]) {
      const before = due();
      tell();
      expect(due()).toBe(before + 1);
      await reader.read(signal);
      expect(server.taken().filter((call) => call.startsWith("list") || call.startsWith("rollout"))).toHaveLength(14);
    }
  });

  it("show a hold without a call, and never an older activation", async () => {
    const { server, reader, titleOf, due } = await opened();
    reader.hear(server.state(2, { hold: { by: "sgn_adm_1", reason: "incident" } }));
    expect([reader.lanes.value?.[2]?.environment.hold?.reason, due()]).toEqual(["incident", 0]);
    const older = server.activate(2);
    reader.hear(server.activate(2));
    reader.hear(older);
    expect(titleOf(2)).toBe("v3 of 3, no labels");
  });

  it("lose nothing that is told while they are read", async () => {
    const { server, reader, titleOf, due } = await opened();
    reader.missed();
    server.meanwhile = () => {
      server.meanwhile = () => undefined;
      reader.hear(server.activate(5));
    };
    await reader.read(signal);
    expect([titleOf(5), due()]).toEqual(["v2 of 2, no labels", 2]);
    await reader.read(signal);
    reader.hear(server.activate(6));
    server.taken();
    server.meanwhile = () => {
      server.meanwhile = () => undefined;
      reader.hear(server.activate(6));
    };
    await reader.read(signal);
    expect(titleOf(6)).toBe("v3 of 3, no labels");
    await reader.read(signal);
    expect([titleOf(5), titleOf(6)]).toEqual(["v2 of 2, 2", "v3 of 3, 3"]);
  });

  it("stay outdated when a read fails", async () => {
    const { server, reader, titleOf } = await opened();
    reader.hear(server.activate(4));
    server.meanwhile = () => {
      throw new Error("away");
    };
    await expect(reader.read(signal)).rejects.toThrow("away");
    server.meanwhile = () => undefined;
    await reader.read(signal);
    expect(titleOf(4)).toBe("v2 of 2, 2");
  });
});
