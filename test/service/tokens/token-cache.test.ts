import { describe, expect, it } from "vitest";
import type { Principal } from "../../../src/core/token.js";
import { TokenCache, type Credential } from "../../../src/service/tokens/token-cache.js";
import { DAY, useServices } from "../fixture.js";

function credential(tokenId: number, keyHash: string): Credential {
  const principal: Principal = {
    ...{
      tokenId,
      tokenName: null,
      keyHash,
      keyPrefix: "sgn_runtime_ab12",
      keyType: "runtime",
      orgId: "o",
      isOperator: false,
    },
    ...{ projectId: "p", environmentId: "e", environments: [], scopes: [], expiresAt: null },
  };
  return { principal, endsAtMs: Infinity, notedAtMs: 0 };
}

describe("the cache of tokens", () => {
  it("keeps what was read, and forgets what is over and nothing else", () => {
    const cache = new TokenCache();
    for (const id of [1, 2]) cache.keep(credential(id, `h${id}`), cache.generation);
    cache.keep(credential(1, "before rotation"), cache.generation);
    cache.forget(({ tokenId }) => tokenId === 1);
    const kept = ["h1", "before rotation", "h2"].map((hash) => cache.get(hash)?.principal.tokenId);
    expect(kept).toEqual([undefined, undefined, 2]);
  });

  it("does not keep what was read before something was forgotten", () => {
    const cache = new TokenCache();
    const before = cache.generation;
    cache.forget(({ tokenId }) => tokenId === 1);
    cache.keep(credential(1, "h1"), before);
    expect(cache.get("h1")).toBeUndefined();
    cache.keep(credential(2, "h2"), cache.generation);
    expect(cache.get("h2")).toBeDefined();
  });
});

describe("a look-up that was under way when its token ended", () => {
  const signet = useServices();
  const authentication = () => signet.services.authentication;
  const tokens = () => signet.services.tokens;

  /** Reads the token, then does `meanwhile`, and only then sees what was read. What it answers is of before the end, if anything. */
  async function authenticateAcross(rawKey: string, meanwhile: () => Promise<unknown>): Promise<Principal | null> {
    signet.moments.afterTokenRead = async () => {
      signet.moments.afterTokenRead = () => {};
      await meanwhile();
    };
    return await authentication()
      .authenticate(rawKey)
      .catch(() => null);
  }

  const runtime = async () => {
    const { id: environmentId } = await signet.environment("dev");
    const target = { projectId: signet.projectId, environmentId, name: null, expiresInDays: 1 };
    return await tokens().createRuntime(signet.admin, target);
  };

  it.each<[string, (id: number) => Promise<unknown>]>([
    ["is revoked", (id) => tokens().revoke(signet.admin, id)],
    ["is revoked twice at once", (id) => Promise.all([1, 2].map(() => tokens().revoke(signet.admin, id)))],
    ["is rotated", (id) => tokens().rotate(signet.admin, id, 0)],
    ["loses its environment", () => signet.services.environments.delete(signet.admin, signet.path("dev"))],
    ["loses its project", () => signet.services.projects.delete(signet.admin, signet.projectId)],
    ["expires", () => Promise.resolve(signet.clock.advanceSeconds(DAY))],
  ])("and %s puts it into no memory", async (_how, end) => {
    const { token, rawKey } = await runtime();
    const principal = await authenticateAcross(rawKey, () => end(token.id));
    expect(authentication().known(rawKey)).toBeUndefined();
    await expect(authentication().authenticate(rawKey)).rejects.toMatchObject({ code: "unauthenticated" });
    expect(authentication().known(rawKey)).toBeUndefined();
    // Who was let in before the end, and is held open, is looked at again.
    if (principal !== null) {
      await expect(authentication().recheck(principal)).rejects.toMatchObject({ code: "unauthenticated" });
    }
  });

  it.each<[string, (id: number) => Promise<unknown>]>([
    ["revoked", (id) => tokens().revoke(signet.admin, id)],
    ["rotated", (id) => tokens().rotate(signet.admin, id, 0)],
    ["without an environment", () => signet.services.environments.delete(signet.admin, signet.path("dev"))],
    ["expired", () => Promise.resolve(signet.clock.advanceSeconds(DAY))],
  ])("a token that is in memory is let in no more once it is %s", async (_how, end) => {
    const { token, rawKey } = await runtime();
    await authentication().authenticate(rawKey);
    expect(authentication().known(rawKey)).toMatchObject({ tokenId: token.id });
    await end(token.id);
    expect(authentication().known(rawKey)).toBeUndefined();
    await expect(authentication().authenticate(rawKey)).rejects.toMatchObject({ code: "unauthenticated" });
  });

  it("and is rotated with grace ends with the grace time, from memory too", async () => {
    const { token, rawKey } = await runtime();
    const answer = await authenticateAcross(rawKey, () => tokens().rotate(signet.admin, token.id, 60));
    expect(answer).not.toBeNull();
    // What was read says a day.
    expect(authentication().known(rawKey)).toBeUndefined();
    const graceEnd = new Date(signet.clock.now().getTime() + 60_000).toISOString();
    expect(await authentication().authenticate(rawKey)).toMatchObject({ expiresAt: graceEnd });
    expect(authentication().known(rawKey)).toMatchObject({ expiresAt: graceEnd });
    expect(await authentication().recheck(answer!)).toBe(graceEnd);
    signet.clock.advanceSeconds(60);
    expect(authentication().known(rawKey)).toBeUndefined();
    await expect(authentication().authenticate(rawKey)).rejects.toMatchObject({ code: "unauthenticated" });
  });

  it("of another one is let in, and kept the next time", async () => {
    const { rawKey } = await runtime();
    const other = await signet.runtime("prod");
    const principal = await authenticateAcross(rawKey, () => tokens().revoke(signet.admin, other.token.id));
    expect(principal).toMatchObject({ keyType: "runtime" });
    expect(authentication().known(rawKey)).toBeUndefined();
    await authentication().authenticate(rawKey);
    expect(authentication().known(rawKey)).toEqual(principal);
  });
});
