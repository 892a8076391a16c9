import { describe, expect, it } from "vitest";
import type { DeclaredOrganization, DeclaredToken } from "../../src/provision/declaration.js";
import { planChanges } from "../../src/provision/plan.js";
import { describeStep, isRemoval } from "../../src/provision/step.js";
import type { ActualContents, ActualOrganization, ActualToken } from "../../src/provision/provision-target.js";
import { secretFingerprint } from "../../src/outbound/secret.js";

const HASH = "ab".repeat(32);
const URL = "https://h.example/path-with-a-secret";

const actualToken = (fields: Partial<ActualToken> = {}): ActualToken => ({
  ...{ id: 1, name: "t", type: "admin", keyPrefix: "chosen_abababab", projectId: null, environmentId: null },
  ...{ environments: [], audit: false, isLive: true, isInUse: false, ...fields },
});
const declaredToken = (fields: Partial<DeclaredToken> = {}): DeclaredToken => ({
  ...{ name: "t", type: "admin", sha256: HASH, environments: [], audit: false, ...fields },
});
const stage = (name: string, promotesTo: string | null, position = 0) => ({
  id: `id-${name}`,
  name,
  position,
  promotesTo,
  signingKey: "organization" as const,
  protected: false,
});
const withContents = (contents: Partial<ActualContents>): ActualOrganization => ({
  ...{ id: "o1", name: "o", isOperator: false, plan: "free", versionsPerEnvironment: null },
  contents: { projects: [], webhooks: [], tokens: [], ...contents },
});

function plan(declared: Partial<DeclaredOrganization>, actual: readonly ActualOrganization[], prune = false) {
  const declaration = { organizations: [{ name: "o", operator: false, ...declared }] };
  return planChanges(declaration, actual, { prune });
}

const texts = (...argv: Parameters<typeof plan>) => plan(...argv).map(describeStep);

describe("a plan", () => {
  it("is empty for what is there, and for what is not declared", () => {
    const webhook = { id: "w", url: URL, events: ["*", "bundle.*"], isActive: false, secretFingerprint: "0" };
    const projects = [{ id: "p1", name: "p", environments: [stage("dev", "prod"), stage("prod", null)] }];
    const there = [withContents({ projects, webhooks: [webhook], tokens: [actualToken()] })];
    const environments = [{ name: "dev" }, { name: "prod", promotesTo: null }];
    expect(plan({}, there, true)).toEqual([]);
    expect(
      plan(
        {
          plan: "free",
          projects: [{ name: "p", environments }],
          webhooks: [{ url: URL, events: ["bundle.*", "*"] }],
          tokens: [declaredToken()],
        },
        there,
        true,
      ),
    ).toEqual([]);
  });

  it("makes what is missing, in an order in which each finds what it needs", () => {
    const declared = {
      projects: [
        { name: "p", environments: [{ name: "a", promotesTo: "c" }, { name: "b" }, { name: "c", promotesTo: null }] },
      ],
      webhooks: [{ url: URL, events: ["*"] }],
      tokens: [declaredToken(), declaredToken({ name: "ci", type: "ci", project: "p", environments: ["a"] })],
    };
    const lines = texts(declared, []);
    expect(lines).toEqual([
      '+ create organization  o  with the admin token "t"',
      "+ create project  o/p  a, b, c",
      "~ update environment  o/p/a  promotes_to: c",
      expect.stringMatching(/^\+ create webhook {2}o {2}h\.example sha256:[0-9a-f]{12} {2}\*$/),
      '+ create token  o/p  ci "ci"  for a',
    ]);
    expect(lines.join()).not.toContain("secret");
  });

  it("changes stages from the last one, so that no step meets a cycle", () => {
    const projects = [{ id: "p1", name: "p", environments: [stage("a", "b"), stage("b", "c"), stage("c", null)] }];
    const environments = [
      { name: "a", promotesTo: null },
      { name: "b", promotesTo: "a" },
      { name: "c", promotesTo: "b" },
      { name: "new", promotesTo: "c" },
    ];
    expect(texts({ projects: [{ name: "p", environments }] }, [withContents({ projects })])).toEqual([
      "~ update environment  o/p/a  promotes_to: none",
      "~ update environment  o/p/b  promotes_to: a",
      "~ update environment  o/p/c  promotes_to: b",
      "+ create environment  o/p/new  promotes_to: c",
    ]);
  });

  it("changes the secret of a webhook when it is another one", () => {
    const webhook = { id: "w", url: URL, events: ["*"], isActive: true, secretFingerprint: secretFingerprint("old") };
    const there = [withContents({ webhooks: [webhook] })];
    const declared = (secret: string) => ({ webhooks: [{ url: URL, events: ["*"], secret }] });
    expect(plan(declared("old"), there)).toEqual([]);
    expect(plan(declared("new"), there)).toMatchObject([{ do: "webhook.rotate_secret" }]);
    expect(texts(declared("new"), there).join()).not.toContain("new");
  });

  it.each<[what: string, actual: readonly ActualToken[], steps: readonly object[]]>([
    ["another key", [actualToken({ keyPrefix: "chosen_00000000", id: 7 })], [{ do: "token.rotate", id: 7 }]],
    [
      "a key that was made by the server",
      [actualToken({ keyPrefix: "signet_adm_x", id: 8 })],
      [{ do: "token.rotate", id: 8 }],
    ],
    [
      "a dead one of another key",
      [actualToken({ keyPrefix: "chosen_00000000", isLive: false })],
      [{ do: "token.create" }],
    ],
    ["another kind", [actualToken({ type: "ci" })], [{ do: "token.create" }]],
    ["the key beside another token of the name", [actualToken({ keyPrefix: "chosen_1" }), actualToken()], []],
  ])("finds for a token %s", (_what, tokens, steps) => {
    expect(plan({ tokens: [declaredToken()] }, [withContents({ tokens })])).toMatchObject(steps);
  });

  it("takes away only when told, only inside of declared lists, last, and never the token in use", () => {
    const projects = [
      { id: "p1", name: "p", environments: [stage("dev", null), stage("extra", null)] },
      { id: "p2", name: "other", environments: [] },
    ];
    const webhooks = [{ id: "w", url: URL, events: ["*"], isActive: true, secretFingerprint: null }];
    const tokens = [
      actualToken({ id: 1, isInUse: true }),
      actualToken({ id: 2 }),
      actualToken({ id: 3, isLive: false }),
    ];
    const there = [withContents({ projects, webhooks, tokens })];
    const declared = { projects: [{ name: "p", environments: [{ name: "dev" }] }], webhooks: [], tokens: [] };
    expect(plan(declared, there)).toEqual([]);
    expect(plan({ projects: [{ name: "p" }] }, there, true)).toMatchObject([
      { do: "project.delete", project: "other" },
    ]);
    const pruned = plan({ ...declared, projects: [...declared.projects, { name: "new" }] }, there, true);
    expect(pruned.map((step) => step.do)).toEqual([
      "project.create",
      "webhook.delete",
      "token.revoke",
      "environment.delete",
      "project.delete",
    ]);
    expect(pruned.slice(1).every(isRemoval)).toBe(true);
    expect(pruned).toContainEqual(expect.objectContaining({ do: "token.revoke", id: 2 }));
  });

  it("finds the operator's organization whatever its name is", () => {
    const there = [{ ...withContents({}), name: "default", isOperator: true }];
    expect(texts({ operator: true }, there)).toEqual(["~ update organization  o  name: o"]);
  });

  it.each<[reason: string, declared: Partial<DeclaredOrganization>, actual: readonly ActualOrganization[]]>([
    ["needs an admin token", { projects: [] }, []],
    ["its own admin token is needed", { projects: [] }, [{ ...withContents({}), contents: null }]],
    ["more than one organization has this name", {}, [withContents({}), withContents({})]],
    ["only an admin token of the operator's organization", { operator: true }, [withContents({})]],
    [
      'promotes to "nowhere", which does not exist',
      { projects: [{ name: "p", environments: [{ name: "a", promotesTo: "nowhere" }] }] },
      [withContents({ projects: [{ id: "p1", name: "p", environments: [stage("a", null)] }] })],
    ],
    [
      "was revoked or has expired",
      { tokens: [declaredToken()] },
      [withContents({ tokens: [actualToken({ isLive: false })] })],
    ],
    [
      "is there more than once",
      { tokens: [declaredToken()] },
      [withContents({ tokens: [actualToken({ keyPrefix: "a" }), actualToken({ keyPrefix: "b" })] })],
    ],
    [
      "is for other environments",
      { tokens: [declaredToken({ environments: ["dev"] })] },
      [withContents({ tokens: [actualToken({ environments: ["prod"] })] })],
    ],
  ])("refuses what cannot be met: %s", (reason, declared, actual) => {
    expect(() => plan(declared, actual)).toThrow(reason);
  });
});
