import type { DescService } from "@bufbuild/protobuf";
import { commentOf } from "./comments.js";
import type { Tag } from "./model.js";
import { HEALTH_TAG } from "./probes.js";

/** The tags in the order in which the reference page shows them: what a team does every day first, what other systems' clients need last. */
const TAGS: Readonly<Record<string, string>> = {
  Bundle: "Publish, promote, activate, roll back, compare and delete versions of policies.",
  Runtime: "Follow what is active in one environment, report what was applied, and see the fleet.",
  Organization: "Organizations, their projects, and the environments that bundles are promoted through.",
  Watch: "Follow the environments of an organization or a project as they change.",
  Pipeline:
    "Promote from one environment to several at once. An *app* is an environment, a *deployment* an activation.",
  Token: "Create, rotate and revoke the tokens of people, CI jobs and runtimes.",
  Audit: "Read and verify the signed record of every state change.",
  Webhook: "Tell other systems what was committed: at least once, signed, retried for days.",
  Trust: "Root documents and releases: what runtimes verify without trusting the server.",
  Transfer: "Carry bundles between servers that never meet.",
  Key: "Rotate the server's signing keys for bundles and for attestation.",
  Opa: "What Open Policy Agent calls: signed bundles, its status, its decision logs.",
  Backup: "Make, download and delete backups of the whole server.",
  System: "See the nodes of the server, and examine it.",
  Health: HEALTH_TAG.description,
  Artifact: "Compatibility: source artifacts, which are policy documents that wait as drafts until they are promoted.",
};

const ORDER = Object.keys(TAGS);

/** The tag of a service: its name in one word. */
export function tagOf(service: DescService): string {
  return service.name.replace(/Service$/, "");
}

/** The tags of services in their order, each with its sentence; one that has none here comes last, with the comment of its service. */
export function tagsOf(services: readonly DescService[]): readonly Tag[] {
  const own = services.map((service) => ({ name: tagOf(service), description: commentOf(service) }));
  return [...own, HEALTH_TAG]
    .map(({ name, description }) => ({ name, description: TAGS[name] ?? description }))
    .sort((a, b) => placeOf(a.name) - placeOf(b.name));
}

/** Where a tag stands among the others. */
export function placeOf(tag: string): number {
  const place = ORDER.indexOf(tag);
  return place < 0 ? ORDER.length : place;
}
