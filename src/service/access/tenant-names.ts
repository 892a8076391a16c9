import { AppError } from "../../core/error.js";
import { isSlug } from "../../core/organization.js";
import type { Principal } from "../../core/token.js";
import type { Reader } from "../../store/store.js";

/** An organization or a project, with the names by which it is found. */
interface Called {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
}

/**
 * Finds organizations and projects by slug or name, for requests that do not give the UUID. A slug takes precedence over a name. Only what
 * the token sees is looked up, so that an answer tells nothing about anything else.
 */
export class TenantNames {
  constructor(private readonly read: Reader) {}

  /**
   * The id of the caller's own organization, or with `acrossAll` of any organization. Undefined when none is called so. Throws
   * `not_found` for a name that several have.
   */
  async organizationId({ orgId }: Principal, text: string, acrossAll: boolean): Promise<string | undefined> {
    if (!acrossAll) return matching(await this.read.organization(orgId), text);
    const bySlug = await this.read.organizationBySlug(text);
    return (bySlug ?? onlyOne("organizations", text, await this.read.organizationsNamed(nameOf(text), 2)))?.id;
  }

  /**
   * The id of a project of the caller's organization, for a ci or runtime token of its own project; otherwise as organizationId. A text
   * in the form of a slug is no name: once the project with that slug is deleted, a retry would find another one that is named so.
   */
  async projectId({ orgId, projectId }: Principal, text: string): Promise<string | undefined> {
    if (projectId !== null) {
      const own = await this.read.project(orgId, projectId);
      return isSlug(text) && own?.slug !== text ? undefined : matching(own, text);
    }
    if (isSlug(text)) return (await this.read.projectBySlug(orgId, text))?.id;
    return onlyOne("projects", text, await this.read.projectsNamed(orgId, nameOf(text), 2))?.id;
  }
}

function matching(own: Called | null, text: string): string | undefined {
  return own !== null && (own.slug === text || own.name === nameOf(text)) ? own.id : undefined;
}

function onlyOne<T>(what: string, text: string, [found, another]: readonly T[]): T | undefined {
  if (another === undefined) return found;
  throw new AppError("not_found", `several ${what} are named "${text}": use the slug or the UUID`);
}

/** Names are kept in NFC. */
function nameOf(text: string): string {
  return text.normalize("NFC");
}
