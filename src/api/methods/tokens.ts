import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { WhoAmIResponseSchema, type TokenSchema, type TokenService } from "../../../gen/signet/v1/token_pb.js";
import { instantOf, type Clock } from "../../core/clock.js";
import { isLive, scopesOf, type KeyType, type Token } from "../../core/token.js";
import type { Authentication, WhoAmI } from "../../service/tokens/authentication.js";
import type { IssuedToken, Tokens } from "../../service/tokens/tokens.js";
import { writeMessage } from "../../json-form/write.js";
import { callOf } from "../admission/call.js";
import { countedRows, optionalTimestamp, timestampOf, withoutNulls, withoutUnset } from "./message-fields.js";

/** TokenService on the use cases. */
export function createTokenService(services: {
  readonly authentication: Authentication;
  readonly tokens: Tokens;
  readonly clock: Clock;
  /** The release of the server. */
  readonly version: string;
}): ServiceImpl<typeof TokenService> {
  const { authentication, tokens, clock, version } = services;
  return {
    async createAdminToken(request, context) {
      return issuedMessage(await tokens.createAdmin(callOf(context).principal, optionsOf(request)), clock);
    },

    async createCiToken(request, context) {
      const { projectId, environments } = request;
      const options = { ...optionsOf(request), projectId, environments };
      return issuedMessage(await tokens.createCi(callOf(context).principal, options), clock);
    },

    async createRuntimeToken(request, context) {
      const { projectId, environmentId } = request;
      const options = { ...optionsOf(request), projectId, environmentId: environmentId ?? "" };
      return issuedMessage(await tokens.createRuntime(callOf(context).principal, options), clock);
    },

    async createViewerToken(request, context) {
      const { projectId = null, audit: readsAudit } = request;
      const options = { ...optionsOf(request), projectId, readsAudit };
      return issuedMessage(await tokens.createViewer(callOf(context).principal, options), clock);
    },

    async createMetricsToken(request, context) {
      return issuedMessage(await tokens.createMetrics(callOf(context).principal, optionsOf(request)), clock);
    },

    async listTokens({ projectId, keyType, limit, offset }, context) {
      const listed = await tokens.list(callOf(context).principal, {
        offset,
        ...withoutUnset({ projectId, limit, keyType: keyType as KeyType | undefined }),
      });
      return { tokens: countedRows(context, listed).map((token) => tokenMessage(token, clock)) };
    },

    async rotateToken({ keyId, graceSeconds, sha256 }, context) {
      return issuedMessage(await tokens.rotate(callOf(context).principal, keyId, graceSeconds ?? 0, sha256), clock);
    },

    async revokeToken({ keyId }, context) {
      await tokens.revoke(callOf(context).principal, keyId);
      return create(EmptySchema);
    },

    async whoAmI(_request, context) {
      return whoAmIMessage(await authentication.whoAmI(callOf(context).principal), version);
    },
  };
}

/** The answer of whoAmI. @param version the release of the server */
export function whoAmIMessage(
  { principal, environment }: WhoAmI,
  version: string,
): MessageInitShape<typeof WhoAmIResponseSchema> {
  const { projectId, environmentId } = principal;
  return {
    id: principal.tokenId,
    keyPrefix: principal.keyPrefix,
    keyType: principal.keyType,
    scopes: [...principal.scopes],
    orgId: principal.orgId,
    serverVersion: version,
    operator: principal.isOperator,
    ...withoutNulls({ projectId, environmentId, environment, name: principal.tokenName }),
    ...optionalTimestamp("expiresAt", principal.expiresAt),
  };
}

/** The same as REST writes it. */
export function whoAmIJson(whoAmI: WhoAmI, version: string): string {
  return writeMessage(WhoAmIResponseSchema, create(WhoAmIResponseSchema, whoAmIMessage(whoAmI, version)));
}

/** A token with its secret, when it was made here, for the answer that makes or rotates it. */
export function issuedMessage(
  { token, rawKey, isKept }: IssuedToken,
  clock: Clock,
): MessageInitShape<typeof TokenSchema> {
  return {
    ...tokenMessage(token, clock),
    ...(rawKey === "" ? {} : { rawKey }),
    ...(isKept === undefined ? {} : { inAdminTokenFile: isKept }),
  };
}

function tokenMessage(token: Token, clock: Clock): MessageInitShape<typeof TokenSchema> {
  const { name, projectId, environmentId } = token;
  return {
    id: token.id,
    keyPrefix: token.keyPrefix,
    keyType: token.keyType,
    orgId: token.orgId,
    scopes: [...scopesOf(token)],
    isActive: isLive(token, instantOf(clock.now())),
    createdAt: timestampOf(token.createdAt),
    environments: [...token.environments],
    ...withoutNulls({ name, projectId, environmentId }),
    ...optionalTimestamp("expiresAt", token.expiresAt),
    ...optionalTimestamp("lastUsedAt", token.lastUsedAt),
  };
}

function optionsOf(request: {
  name?: string | undefined;
  expiresInDays?: number | undefined;
  sha256?: string | undefined;
}) {
  const { name, expiresInDays, sha256 } = request;
  return { name: name ?? null, expiresInDays: expiresInDays ?? null, keyHash: sha256 ?? null };
}
