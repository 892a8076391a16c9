import { envelopeKeyId } from "../../bundle/envelope/dsse.js";
import { parsePublicKey } from "../../bundle/keys.js";
import type { Root } from "../../bundle/trust/root.js";
import { nextTurn } from "../../core/schedule/in-steps.js";
import type { Reader } from "../../store/store.js";
import { notServed } from "../trust/root-check.js";
import { RootDocuments } from "../trust/root-documents.js";

/** How many projects have a root, and whether their newest one names a key for activations and leases. */
export interface RootNaming {
  readonly naming: number;
  readonly notNaming: number;
}

/** A project whose newest root does not let a key sign activations and leases everywhere. */
export interface UnnamingProject {
  readonly projectId: string;
  /** Its slug. */
  readonly project: string;
  readonly rootVersion: number;
  /** What the root lacks: the rest of a sentence about it. */
  readonly why: string;
}

/** The roots of all projects, as far as a key is named in them. */
export interface CountedRoots {
  /** Of one organization. */
  readonly own: RootNaming;
  readonly others: RootNaming;
  /** Of that organization, the first MAX_SHOWN. */
  readonly unnaming: readonly UnnamingProject[];
  /** Slugs of its projects that name the key for any role, the first MAX_SHOWN. */
  readonly naming: readonly string[];
}

/** No projects. */
export const NO_ROOTS: RootNaming = { naming: 0, notNaming: 0 };

const MAX_SHOWN = 100;
/** Roots that are looked at in one turn of the event loop: some KiB each. */
const STEP = 50;

/** Counts whose newest root names a key (PEM). Reads the roots of the whole server in steps. */
export async function countRootNaming(reader: Reader, publicKeyPem: string, orgId: string): Promise<CountedRoots> {
  const key = parsePublicKey(publicKeyPem);
  const id = envelopeKeyId(key);
  const counted = { own: NO_ROOTS, others: NO_ROOTS };
  const unnaming: UnnamingProject[] = [];
  const naming: string[] = [];
  const documents = new RootDocuments();
  for (let after: string | undefined = ""; after !== undefined;) {
    const page = await reader.newestTrustRoots(after, STEP);
    for (const { root: kept, project } of page) {
      const { root } = documents.of(kept);
      const why = [null, ...root.environments.keys()].flatMap((name) => notServed(root, name, [key]) ?? [])[0];
      const group = project.orgId === orgId ? "own" : "others";
      const isNamed = names(root, id);
      counted[group] = {
        naming: counted[group].naming + (isNamed ? 1 : 0),
        notNaming: counted[group].notNaming + (why === undefined ? 0 : 1),
      };
      if (group === "others") continue;
      if (isNamed && naming.length < MAX_SHOWN) naming.push(project.slug);
      if (why === undefined || unnaming.length >= MAX_SHOWN) continue;
      unnaming.push({ projectId: project.id, project: project.slug, rootVersion: root.version, why });
    }
    after = page.length < STEP ? undefined : page.at(-1)?.project.id;
    await nextTurn();
  }
  return { ...counted, unnaming, naming };
}

/** Whether a key may sign activations or leases anywhere. */
function names(root: Root, keyId: string): boolean {
  const rules = [root.roles, ...root.environments.values()];
  return rules.some(({ activation, lease }) => [activation, lease].some((rule) => rule?.keyIds.includes(keyId)));
}
