import type { VectorCase } from "../../case.js";
import { next, refused, served } from "../draft.js";
import { keys } from "../keys.js";
import { after, leaseOf, ORG, OTHER_ORG, OTHER_PROJECT, PROJECT } from "../objects.js";
import { payloadDigest } from "../tamper.js";
import { leaseNaming, withRelease } from "./envelopes.js";

/** Objects of others, signed by keys that may sign. */
export async function identityCases(): Promise<readonly VectorCase[]> {
  const mine = await next();
  const dev = await next({ environment: "dev", number: null });
  const staging = await next({ environment: "staging" });
  const project = await next({ projectId: OTHER_PROJECT });
  const organization = await next({ orgId: OTHER_ORG });
  const moved = await leaseOf({
    orgId: ORG,
    projectId: PROJECT,
    environment: "dev",
    rootVersion: 1,
    sequence: 8,
    activation: payloadDigest(mine.activation),
    issuedAt: after(60),
    expiresAt: after(360),
  });
  return [
    await refused("another environment's pack", "wrong_identity", served(dev)),
    await refused("another environment's pack, with the same rules", "wrong_identity", served(staging)),
    await refused("another environment's lease", "wrong_identity", served({ ...mine, lease: moved })),
    await refused(
      "another environment's activation, which my lease names",
      "wrong_identity",
      served({ ...staging, lease: await leaseNaming(staging.activation) }),
    ),
    await refused("another project", "wrong_identity", served(project)),
    await refused(
      "another project: activation, which my lease names",
      "wrong_identity",
      served({ ...project, lease: await leaseNaming(project.activation) }),
    ),
    await refused(
      "another project: release, which my activation names",
      "wrong_identity",
      served(await withRelease(mine, project.release ?? "")),
    ),
    await refused("another organization", "wrong_identity", served(organization)),
    await refused(
      "another organization: release, which my activation names",
      "wrong_identity",
      served(await withRelease(mine, organization.release ?? "")),
    ),
    await refused(
      "another environment's keys",
      "bad_signature",
      served(await next({ leaseKeys: [keys.nextLease], activationKeys: [keys.nextActivation] })),
    ),
  ];
}
