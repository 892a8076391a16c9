import {
  CreateEnvironmentRequestSchema,
  CreateOrganizationRequestSchema,
  CreateProjectRequestSchema,
} from "../../gen/signet/v1/organization_pb.js";
import { CreateCiTokenRequestSchema } from "../../gen/signet/v1/token_pb.js";
import { CreateWebhookRequestSchema } from "../../gen/signet/v1/webhook_pb.js";
import { AppError } from "../core/error.js";
import { FieldErrors } from "../core/field-errors.js";
import { ENVIRONMENT_KEYS } from "../core/organization.js";
import { KEY_TYPES } from "../core/token.js";
import { fieldRulesOf } from "../json-form/field-rules.js";
import { validateEventPatterns } from "../outbound/event-types.js";
import { checkWebhookSecret } from "../outbound/secret.js";
import { parseWebhookUrl } from "../outbound/webhook-url.js";
import type {
  Declaration,
  DeclaredEnvironment,
  DeclaredOrganization,
  DeclaredProject,
  DeclaredToken,
  DeclaredWebhook,
} from "./declaration.js";
import { Fields, type Path } from "./fields.js";

/** The version of the format, which a file must name. */
const FORMAT = 1;
const MAX_ITEMS = 1_000;
/** Here, unlike in the API, a quota of none is a slip of the pen. */
const QUOTA = { minimum: 1, maximum: 1_000_000 };

/** The fields of the API, by whose rules the fields of a file are checked. */
const ORGANIZATION = CreateOrganizationRequestSchema.field;
const PROJECT = CreateProjectRequestSchema.field;
const ENVIRONMENT = CreateEnvironmentRequestSchema.field;
const WEBHOOK = CreateWebhookRequestSchema.field;
const TOKEN = CreateCiTokenRequestSchema.field;

/** Where a file says that a secret is. */
export type SecretReference = { readonly env: string } | { readonly file: string };

/** Reads a secret that the file only refers to. Throws AppError with why it cannot be read, without the secret. */
export type ReadSecret = (reference: SecretReference) => string;

/** How to resolve the secrets of a declaration. */
export interface ParseOptions {
  readonly readSecret: ReadSecret;
  /** Whether the tokens of other organizations are needed: not where the server itself applies the file. */
  readonly needsCredentials: boolean;
}

/**
 * Checks a file's value (docs/provision.md) and reads the secrets that it refers to. Throws AppError `invalid` with everything that
 * is wrong, each with its path.
 */
export function parseDeclaration(value: unknown, options: ParseOptions): Declaration {
  const problems = new FieldErrors();
  const organizations = new DeclarationReader(problems, options).read(value);
  if (problems.found.length > 0) {
    throw new AppError("invalid", "the declaration cannot be used", { fields: problems.found });
  }
  return { organizations };
}

class DeclarationReader {
  constructor(
    private readonly problems: FieldErrors,
    private readonly options: ParseOptions,
  ) {}

  read(value: unknown): readonly DeclaredOrganization[] {
    const fields = new Fields(value, [], this.problems);
    if (fields.value("signet") !== FORMAT) {
      this.problems.add(fields.at("signet"), `must be ${FORMAT}, the version of this format`, "version");
    }
    if (!fields.has("organizations")) this.problems.add(fields.at("organizations"), "is required", "missing");
    const list = fields.list("organizations", MAX_ITEMS) ?? [];
    const organizations = list.map(([item, path]) => this.organization(new Fields(item, path, this.problems)));
    fields.end();
    this.refuseTwice(list, organizations, ({ name }) => name);
    if (organizations.filter(({ operator }) => operator).length > 1) {
      this.problems.add(["organizations"], "only one can be the operator's", "duplicate");
    }
    return organizations;
  }

  private organization(fields: Fields): DeclaredOrganization {
    const projects = this.items(
      fields,
      "projects",
      (item) => this.project(item),
      ({ name }) => name,
    );
    const read = {
      name: fields.requiredText("name", ORGANIZATION.name),
      operator: fields.boolean("operator") ?? false,
      ...defined({
        plan: fields.text("plan", ORGANIZATION.plan),
        versionsPerEnvironment: fields.wholeNumberOrNull("versions_per_environment", QUOTA),
        credential: this.secret(fields, "token", this.options.needsCredentials),
        projects,
        webhooks: this.items(
          fields,
          "webhooks",
          (item) => this.webhook(item),
          ({ url }) => url,
        ),
        tokens: this.items(fields, "tokens", (item) => this.token(item, projects), identityOf),
      }),
    };
    fields.end();
    return read;
  }

  private project(fields: Fields): DeclaredProject {
    const environments = this.items(
      fields,
      "environments",
      (item) => this.environment(item),
      ({ name }) => name,
    );
    if (environments?.length === 0) {
      this.problems.add(fields.at("environments"), "must not be empty: leave it out", "too_short");
    }
    const read = { name: fields.requiredText("name", PROJECT.name), ...defined({ environments }) };
    fields.end();
    if (environments !== undefined) this.refuseCycle(environments, fields.at("environments"));
    return read;
  }

  private environment(fields: Fields): DeclaredEnvironment {
    const read = {
      name: fields.requiredText("name", ENVIRONMENT.name),
      ...defined({
        position: fields.wholeNumber("position", fieldRulesOf(ENVIRONMENT.position)),
        promotesTo: fields.textOrNull("promotes_to", ENVIRONMENT.name),
        signingKey: fields.has("signing_key") ? fields.oneOf("signing_key", ENVIRONMENT_KEYS) : undefined,
        protected: fields.boolean("protected"),
      }),
    };
    fields.end();
    return read;
  }

  private webhook(fields: Fields): DeclaredWebhook {
    const url = fields.requiredText("url", WEBHOOK.url);
    if (url !== "") this.check(() => parseWebhookUrl(url), fields.path);
    const events = fields.texts("events", WEBHOOK.events) ?? [];
    this.check(() => validateEventPatterns(events), fields.path);
    const isActive = fields.boolean("active");
    const secret = this.secret(fields, "secret", true);
    if (secret !== undefined) this.check(() => checkWebhookSecret(secret, "secret"), fields.path);
    fields.end();
    return { url, events: [...new Set(events)], ...defined({ isActive, secret }) };
  }

  private token(fields: Fields, projects: readonly DeclaredProject[] | undefined): DeclaredToken {
    const type = fields.oneOf("type", KEY_TYPES) ?? "admin";
    const sha256 = fields.requiredText("sha256", TOKEN.sha256);
    const needsProject = type === "ci" || type === "runtime";
    const project = needsProject
      ? fields.requiredText("project", PROJECT.name)
      : type === "viewer"
        ? fields.text("project", PROJECT.name)
        : undefined;
    const audit = (type === "viewer" ? fields.boolean("audit") : undefined) ?? false;
    if (audit && project !== undefined) {
      this.problems.add(
        fields.at("audit"),
        "is for a viewer of the whole organization: leave out project",
        "unsupported",
      );
    }
    const environment = type === "runtime" ? fields.requiredText("environment", ENVIRONMENT.name) : undefined;
    const environments = (type === "ci" ? fields.texts("environments", TOKEN.environments) : undefined) ?? [];
    const expiresInDays = fields.wholeNumber("expires_in_days", fieldRulesOf(TOKEN.expiresInDays));
    const name = fields.requiredText("name", TOKEN.name);
    fields.end();
    const declared = projects?.find((candidate) => candidate.name === project);
    if (project !== undefined && project !== "" && projects !== undefined && declared === undefined) {
      this.problems.add(fields.at("project"), `names no project of this organization: "${project}"`, "unknown");
    }
    return { name, type, sha256, environments, audit, ...defined({ project, environment, expiresInDays }) };
  }

  /** `{env: NAME}` or `{file: PATH}`: a secret itself must not be in a file that is kept and shown. */
  private secret(fields: Fields, name: string, isNeeded: boolean): string | undefined {
    const value = fields.value(name);
    if (value === undefined) return undefined;
    const path = fields.at(name);
    const { env, file, ...others } = (typeof value === "object" && value !== null ? value : {}) as Record<
      string,
      unknown
    >;
    const isReference = (typeof env === "string") !== (typeof file === "string") && Object.keys(others).length === 0;
    if (!isReference) {
      this.problems.add(path, "must be {env: NAME} or {file: PATH}", "type");
      return undefined;
    }
    if (!isNeeded) return undefined;
    return this.check(() => this.options.readSecret(typeof env === "string" ? { env } : { file: String(file) }), path);
  }

  private items<T>(
    fields: Fields,
    name: string,
    read: (item: Fields) => T,
    identity: (item: T) => string,
  ): readonly T[] | undefined {
    const list = fields.list(name, MAX_ITEMS);
    if (list === undefined) return undefined;
    const items = list.map(([item, path]) => read(new Fields(item, path, this.problems)));
    this.refuseTwice(list, items, identity);
    return items;
  }

  private refuseTwice<T>(
    list: readonly (readonly [unknown, Path])[],
    items: readonly T[],
    identity: (item: T) => string,
  ): void {
    const seen = new Set<string>();
    for (const [index, item] of items.entries()) {
      const key = identity(item);
      if (key !== "" && seen.has(key)) this.problems.add(list[index]?.[1] ?? [], "is declared twice", "duplicate");
      seen.add(key);
    }
  }

  private refuseCycle(environments: readonly DeclaredEnvironment[], path: Path): void {
    const next = new Map(environments.map(({ name, promotesTo }) => [name, promotesTo ?? null]));
    for (const { name } of environments) {
      const seen = new Set<string>();
      for (let stage: string | null = name; stage !== null; stage = next.get(stage) ?? null) {
        if (seen.has(stage)) {
          this.problems.add(path, `"${stage}" promotes to itself in the end`, "cycle");
          return;
        }
        seen.add(stage);
      }
    }
  }

  /** What another part of the product finds wrong becomes a problem of the file. */
  private check<T>(work: () => T, path: Path): T | undefined {
    try {
      return work();
    } catch (thrown) {
      if (!(thrown instanceof AppError)) throw thrown;
      if (thrown.fields.length === 0) this.problems.add(path, thrown.message, thrown.code);
      // Their paths begin with the part of a request.
      for (const { loc, msg, type } of thrown.fields) this.problems.add([...path, ...loc.slice(1)], msg, type);
      return undefined;
    }
  }
}

function identityOf({ type, project = "", environment = "", name }: DeclaredToken): string {
  return JSON.stringify([type, project, environment, name]);
}

/** Without the fields that the file leaves out. */
function defined<T extends Record<string, unknown>>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
