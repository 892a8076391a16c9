import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type {
  EnvironmentTrustSchema,
  ProjectRootSchema,
  ReleaseSchema,
  RoleRuleSchema,
  TrustKeySchema,
  TrustService,
} from "../../../gen/signet/v1/trust_pb.js";
import { encodeBase64 } from "../../bundle/base64.js";
import { envelopeKeyId } from "../../bundle/envelope/dsse.js";
import type { PublicKey } from "../../bundle/keys.js";
import { nameOfKey, type RoleRule, type Root } from "../../bundle/trust/root.js";
import { callOf } from "../admission/call.js";
import type { KnownRelease, Releases } from "../../service/trust/releases.js";
import type { PublishedRoot, Roots } from "../../service/trust/roots.js";
import type { EnvironmentTrust } from "../../service/trust/trust-overview.js";
import { optionalTimestamp, textOrNull, timestampOf, withoutNulls } from "./message-fields.js";

/** A version never changes; a new one has another path. */
const IMMUTABLE = "private, max-age=31536000, immutable";

/** TrustService on the use cases. */
export function createTrustService(services: {
  readonly roots: Roots;
  readonly releases: Releases;
}): ServiceImpl<typeof TrustService> {
  const { roots, releases } = services;
  return {
    async publishRoot({ projectId, envelope, force, dryRun, reason }, context) {
      const input = { envelope: envelope ?? "", force, dryRun, reason: textOrNull(reason) };
      return rootMessage(await roots.publish(callOf(context).principal, projectId, input));
    },

    async getTrust({ projectId }, context) {
      const { project, root, serverKeys, environments, warnings } = await roots.overview(
        callOf(context).principal,
        projectId,
      );
      return {
        ...{ orgId: project.orgId, projectId: project.id, warnings: [...warnings] },
        ...withoutNulls({ root: root === null ? null : rootMessage(root) }),
        serverKeys: serverKeys.map((key) => keyMessage(key, root?.root ?? null)),
        environments: environments.map(environmentMessage),
      };
    },

    async getProjectRoot({ projectId, version }, context) {
      const envelope = await roots.envelope(callOf(context).principal, projectId, version);
      context.responseHeader.set("Cache-Control", IMMUTABLE);
      return { envelope };
    },

    async getRoot({ version }, context) {
      const envelope = await roots.ownEnvelope(callOf(context).principal, version);
      context.responseHeader.set("Cache-Control", IMMUTABLE);
      return { envelope };
    },

    async uploadRelease({ projectId, envelope }, context) {
      return releaseMessage(await releases.upload(callOf(context).principal, projectId, envelope ?? ""), true);
    },

    async listReleases({ projectId, limit = 25, offset }, context) {
      const { rows, total } = await releases.list(callOf(context).principal, projectId, { limit, offset });
      return { data: rows.map((release) => releaseMessage(release, false)), total, limit, offset };
    },

    async getRelease({ projectId, digest }, context) {
      return releaseMessage(await releases.get(callOf(context).principal, projectId, digest), true);
    },
  };
}

function rootMessage(published: PublishedRoot): MessageInitShape<typeof ProjectRootSchema> {
  const { kept, root, signedBy, dryRun, warnings } = published;
  const { orgId, projectId, version, roles, rollback } = root;
  return {
    ...{ orgId, projectId, version, rollback, dryRun },
    expiresAt: timestampOf(kept.expiresAt),
    keys: [...root.keys.values()].map((key) => keyMessage(key, root)),
    root: ruleMessage(roles.root),
    activation: ruleMessage(roles.activation),
    lease: ruleMessage(roles.lease),
    release: ruleMessage(roles.release),
    environments: Object.fromEntries(
      [...root.environments].map(([name, rules]) => [
        name,
        Object.fromEntries(Object.entries(rules).map(([role, rule]) => [role, ruleMessage(rule)])),
      ]),
    ),
    revoked: [...root.revoked],
    signedBy: [...signedBy],
    digest: kept.digest,
    publishedAt: timestampOf(kept.publishedAt),
    publishedBy: kept.publishedBy,
    warnings: [...warnings],
  };
}

function ruleMessage({ threshold, keyIds }: RoleRule): MessageInitShape<typeof RoleRuleSchema> {
  return { threshold, keyIds: [...keyIds] };
}

function keyMessage(key: PublicKey, root: Root | null): MessageInitShape<typeof TrustKeySchema> {
  const keyId = envelopeKeyId(key);
  const name = root === null ? null : nameOfKey(root, keyId);
  return { keyId, publicKey: encodeBase64(key.bytes), ...withoutNulls({ name }) };
}

function environmentMessage(state: EnvironmentTrust): MessageInitShape<typeof EnvironmentTrustSchema> {
  const { environment, threshold, authorIds, active } = state;
  const of = { environment, releaseThreshold: threshold, releaseKeyIds: [...authorIds] };
  if (active === null) return of;
  const { sequence, contentSha256, releaseDigest, releaseExpiresAt, refusal } = active;
  return {
    ...{ ...of, sequence, contentSha256 },
    ...withoutNulls({ releaseDigest, problem: refusal?.problem ?? null }),
    ...optionalTimestamp("releaseExpiresAt", releaseExpiresAt),
  };
}

/** @param isWhole false in lists, whose size must not be the square of what a release may have */
function releaseMessage(known: KnownRelease, isWhole: boolean): MessageInitShape<typeof ReleaseSchema> {
  const { release, statement, signedBy, problem, subjects } = known;
  const { digest, number, envelope, expiresAt, uploadedAt, uploadedBy } = release;
  return {
    ...{ digest, number, uploadedBy, uploadedAt: timestampOf(uploadedAt), mediaType: statement.mediaType },
    createdAt: timestampOf(statement.createdAt),
    ...optionalTimestamp("expiresAt", expiresAt),
    ...withoutNulls({ source: statement.source, problem, envelope: isWhole ? envelope : null }),
    signedBy: [...signedBy],
    subjectCount: statement.subjects.size,
    subjects: subjects.map(({ environment, contentSha256, threshold, signedBy: signed, refusal }) => ({
      ...{ environment, contentSha256, threshold, ready: refusal === null },
      signedBy: isWhole ? [...signed] : [],
      ...withoutNulls({ missing: refusal?.message ?? null }),
    })),
  };
}
