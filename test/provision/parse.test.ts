import { describe, expect, it } from "vitest";
import { AppError } from "../../src/core/error.js";
import { parseDeclaration } from "../../src/provision/parse.js";

const HASH = "ab".repeat(32);
const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const secrets: Readonly<Record<string, string>> = { GOOD: SECRET, BAD: "hunter2" };
const options = {
  needsCredentials: true,
  readSecret: (reference: { readonly env: string } | { readonly file: string }) => {
    const secret = "env" in reference ? secrets[reference.env] : undefined;
    if (secret === undefined) throw new AppError("invalid", "cannot be read: it is not there or empty");
    return secret;
  },
};

const file = (organization: object) => ({ signet: 1, organizations: [{ name: "o", ...organization }] });
const token = (fields: object) => file({ tokens: [{ name: "t", type: "admin", sha256: HASH, ...fields }] });
const webhook = (fields: object) => file({ webhooks: [{ url: "https://h.example/x", events: ["*"], ...fields }] });
const stages = (...environments: object[]) => file({ projects: [{ name: "p", environments }] });

/** `path: message` of everything that is wrong. */
function problemsOf(value: unknown): readonly string[] {
  try {
    parseDeclaration(value, options);
    return [];
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    expect(thrown.code).toBe("invalid");
    expect(JSON.stringify([thrown.message, thrown.fields])).not.toContain("hunter2");
    return thrown.fields.map(({ loc, msg }) => `${loc.join(".")}: ${msg}`);
  }
}

describe("a declaration", () => {
  it("is read with what it leaves out left out", () => {
    const { organizations } = parseDeclaration(
      file({
        projects: [{ name: "p", environments: [{ name: "dev", promotes_to: null }] }],
        webhooks: [{ url: "https://h.example/x", events: ["bundle.*", "bundle.*"], secret: { env: "GOOD" } }],
        tokens: [{ name: "t", type: "runtime", project: "p", environment: "dev", sha256: HASH }],
      }),
      options,
    );
    expect(organizations).toEqual([
      {
        name: "o",
        operator: false,
        projects: [{ name: "p", environments: [{ name: "dev", promotesTo: null }] }],
        webhooks: [{ url: "https://h.example/x", events: ["bundle.*"], secret: SECRET }],
        tokens: [
          {
            name: "t",
            type: "runtime",
            project: "p",
            environment: "dev",
            sha256: HASH,
            environments: [],
            audit: false,
          },
        ],
      },
    ]);
  });

  it("does not read the tokens of organizations where the server itself applies it", () => {
    const value = file({ token: { env: "NOBODY_SET_THIS" } });
    expect(parseDeclaration(value, { ...options, needsCredentials: false }).organizations).toEqual([
      { name: "o", operator: false },
    ]);
    expect(problemsOf(value)).toEqual(["organizations.0.token: cannot be read: it is not there or empty"]);
  });

  it.each<[value: unknown, problem: string]>([
    [null, ": must be an object"],
    [[], ": must be an object"],
    [{ organizations: [] }, "signet: must be 1, the version of this format"],
    [{ signet: "1", organizations: [] }, "signet: must be 1, the version of this format"],
    [{ signet: 2, organizations: [] }, "signet: must be 1, the version of this format"],
    [{ signet: 1 }, "organizations: is required"],
    [{ signet: 1, organizations: {} }, "organizations: must be a list"],
    [{ signet: 1, organizations: ["o"] }, "organizations.0: must be an object"],
    [{ signet: 1, organizations: [], extra: 1 }, "extra: is not known here"],
    [{ signet: 1, organizations: [{ name: "o" }, { name: "o" }] }, "organizations.1: is declared twice"],
    [
      {
        signet: 1,
        organizations: [
          { name: "a", operator: true },
          { name: "b", operator: true },
        ],
      },
      "organizations: only one can be the operator's",
    ],
    [file({ name: "" }), "organizations.0.name: must not be empty"],
    [file({ operator: "yes" }), "organizations.0.operator: must be true or false"],
    [file({ versions_per_environment: 0 }), "organizations.0.versions_per_environment: must be from 1 to 1000000"],
    [file({ project: [] }), "organizations.0.project: is not known here"],
    [file({ __proto__: null, constructor: 1 }), "organizations.0.constructor: is not known here"],
    [file({ projects: [{ name: "p" }, { name: "p" }] }), "organizations.0.projects.1: is declared twice"],
    [
      file({ projects: [{ name: "p", environments: [] }] }),
      "organizations.0.projects.0.environments: must not be empty: leave it out",
    ],
    [stages({ name: "Dev" }), "organizations.0.projects.0.environments.0.name: must match [a-z0-9][a-z0-9-]{0,62}"],
    [
      stages({ name: "a", position: -1 }),
      "organizations.0.projects.0.environments.0.position: must be from 0 to 1000000",
    ],
    [
      stages({ name: "a", promotes_to: "b" }, { name: "b", promotes_to: "a" }),
      'organizations.0.projects.0.environments: "a" promotes to itself in the end',
    ],
    [
      stages({ name: "a", promotes_to: "a" }),
      'organizations.0.projects.0.environments: "a" promotes to itself in the end',
    ],
    [webhook({ url: "ftp://h.example" }), "organizations.0.webhooks.0.url: must be an http or https URL"],
    [webhook({ events: [] }), "organizations.0.webhooks.0.events: must not be empty"],
    [webhook({ secret: SECRET }), "organizations.0.webhooks.0.secret: must be {env: NAME} or {file: PATH}"],
    [
      webhook({ secret: { env: "GOOD", file: "x" } }),
      "organizations.0.webhooks.0.secret: must be {env: NAME} or {file: PATH}",
    ],
    [
      webhook({ secret: { env: "BAD" } }),
      "organizations.0.webhooks.0.secret: must be whsec_ and 24 to 64 bytes in base64",
    ],
    [
      webhook({ secret: { env: "NONE" } }),
      "organizations.0.webhooks.0.secret: cannot be read: it is not there or empty",
    ],
    [token({ sha256: undefined }), "organizations.0.tokens.0.sha256: is required"],
    [
      token({ sha256: HASH.toUpperCase() }),
      "organizations.0.tokens.0.sha256: must be the SHA-256 of the key: 64 lower-case hex digits",
    ],
    [
      token({ sha256: "my-key" }),
      "organizations.0.tokens.0.sha256: must be the SHA-256 of the key: 64 lower-case hex digits",
    ],
    [token({ type: "root" }), "organizations.0.tokens.0.type: must be one of admin, ci, runtime, viewer, metrics"],
    [token({ project: "p" }), "organizations.0.tokens.0.project: is not known here"],
    [token({ type: "ci" }), "organizations.0.tokens.0.project: is required"],
    [token({ type: "runtime", project: "p" }), "organizations.0.tokens.0.environment: is required"],
    [
      file({ projects: [], tokens: [{ name: "t", type: "ci", project: "p", sha256: HASH }] }),
      'organizations.0.tokens.0.project: names no project of this organization: "p"',
    ],
    [
      file({
        tokens: [
          { name: "t", type: "admin", sha256: HASH },
          { name: "t", type: "admin", sha256: HASH },
        ],
      }),
      "organizations.0.tokens.1: is declared twice",
    ],
  ])("%j: %s", (value, problem) => {
    expect(problemsOf(value)).toContain(problem);
  });

  it("tells everything that is wrong at once", () => {
    expect(problemsOf({ signet: 1, organizations: [{ name: 1, operator: 1, plan: 1 }] })).toHaveLength(3);
  });
});
