import { describe, expect, it } from "vitest";
import { OpaArchives } from "../../../src/service/opa/opa-archives.js";
import { readArchive, verifiedClaims } from "../../support/opa-archive.js";
import { useServices } from "../fixture.js";

describe("the archives of active bundles", () => {
  const signet = useServices();

  /** Archives that count how many were made. */
  const counted = () => {
    const { documents } = signet.services;
    const signer = signet.data.keys.opa;
    const made: string[] = [];
    const archives = new OpaArchives({
      documents: {
        opaArchive(owner, request) {
          made.push(`${request.activation.environment}/${request.activation.sequence}`);
          return documents.opaArchive(owner, request);
        },
      },
      signer,
    });
    return { archives, made, publicKeyPem: signer.publicKeyPem };
  };
  const active = async (environment: string) => {
    const { id } = await signet.environment(environment);
    const found = await signet.services.active.read(id);
    if (found === null) throw new Error(`nothing is active in ${environment}`);
    return found;
  };

  it("are made once for 1,000 polls, and once more for the next activation", async () => {
    const { archives, made } = counted();
    await signet.publish("dev", { n: 1 });
    const first = await active("dev");

    const bodies = await Promise.all(Array.from({ length: 1_000 }, () => archives.of(first)));
    await archives.of(first);

    expect(new Set(bodies).size).toBe(1);
    expect(made).toEqual(["dev/1"]);
    await signet.publish("dev", { n: 2 });
    await archives.of(await active("dev"));
    await archives.of(first);
    expect(made).toEqual(["dev/1", "dev/2"]);
  });

  it("have the same bytes when another process makes them", async () => {
    await signet.publish("dev", { n: 1 });
    const bundle = await active("dev");
    const [one, other] = [await counted().archives.of(bundle), await counted().archives.of(bundle)];
    expect(Buffer.compare(one, other)).toBe(0);
  });

  it("are never those of another environment, though content and number are the same", async () => {
    const { archives, made, publicKeyPem } = counted();
    await signet.publish("dev", { n: 1 });
    await signet.publish("prod", { n: 1 });

    const scopes = [];
    for (const environment of ["dev", "prod", "dev"]) {
      const bundle = await archives.of(await active(environment));
      scopes.push(verifiedClaims(readArchive(bundle), publicKeyPem).scope);
    }

    expect(scopes).toEqual([`${signet.projectId}/dev`, `${signet.projectId}/prod`, `${signet.projectId}/dev`]);
    expect(made).toEqual(["dev/1", "prod/1"]);
  });

  it("are made again after a failure", async () => {
    await signet.publish("dev", { n: 1 });
    const { documents } = signet.services;
    let failures = 1;
    const archives = new OpaArchives({
      documents: {
        async opaArchive(owner, request) {
          if ((failures -= 1) >= 0) throw new Error("no memory");
          return await documents.opaArchive(owner, request);
        },
      },
      signer: signet.data.keys.opa,
    });
    const bundle = await active("dev");
    await expect(archives.of(bundle)).rejects.toThrow("no memory");
    expect(readArchive(await archives.of(bundle)).has(".manifest")).toBe(true);
  });
});
