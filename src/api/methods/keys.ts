import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type { KeySchema } from "../../../gen/signet/v1/bundle_pb.js";
import type { KeyRotationSchema, KeyService } from "../../../gen/signet/v1/key_pb.js";
import { invalidField } from "../../core/error.js";
import type { ListedKey } from "../../service/keys/keys.js";
import type { AttestationRotation, AttestationRotationView } from "../../service/rotation/attestation-rotation.js";
import type { KeyRotation, KeyRotationView } from "../../service/rotation/key-rotation.js";
import { NO_TRUST } from "../../service/rotation/key-trust.js";
import { callOf } from "../admission/call.js";
import { timestampOf, withoutNulls } from "./message-fields.js";

/** KeyService on the use cases. A key id says which key is meant; where none is named, `purpose` does. */
export function createKeyService({
  rotation,
  attestationRotation,
}: {
  readonly rotation: KeyRotation;
  readonly attestationRotation: AttestationRotation;
}): ServiceImpl<typeof KeyService> {
  return {
    async rotateKey({ reason: why, purpose, activate }, context) {
      const { principal } = callOf(context);
      const reason = why ?? null;
      if (purpose !== ATTESTATION) {
        refuse("activate", activate);
        return rotationMessage(await rotation.announce(principal, reason));
      }
      return attestationMessage(
        activate
          ? await attestationRotation.replace(principal, reason)
          : await attestationRotation.announce(principal, reason),
      );
    },

    async getKeyRotation({ purpose }, context) {
      const { principal } = callOf(context);
      return purpose === ATTESTATION
        ? attestationMessage(await attestationRotation.view(principal))
        : rotationMessage(await rotation.view(principal));
    },

    async activateKey({ keyId, force, reason }, context) {
      const { principal } = callOf(context);
      const options = { force, reason: reason ?? null };
      return (await attestationRotation.has(keyId))
        ? attestationMessage(await attestationRotation.activate(principal, keyId, options))
        : rotationMessage(await rotation.activate(principal, keyId, options));
    },

    async withdrawKey({ keyId, reason }, context) {
      const { principal } = callOf(context);
      return (await attestationRotation.has(keyId))
        ? attestationMessage(await attestationRotation.withdraw(principal, keyId, reason ?? null))
        : rotationMessage(await rotation.withdraw(principal, keyId, reason ?? null));
    },

    async retireKey({ keyId, force, reason }, context) {
      const { principal } = callOf(context);
      if (await attestationRotation.has(keyId)) {
        const options = { force, reason: reason ?? null };
        return attestationMessage(await attestationRotation.retire(principal, keyId, options));
      }
      refuse("force", force);
      return rotationMessage(await rotation.retire(principal, keyId, reason ?? null));
    },
  };
}

const ATTESTATION = "attestation";

/** Throws `invalid` about an option that only attestation keys have. */
function refuse(field: string, isSet: boolean): void {
  if (isSet) throw invalidField([field], "is for attestation keys only", "purpose");
}

/** A key as the API shows it. */
export function keyMessage({ key, state, environment }: ListedKey): MessageInitShape<typeof KeySchema> {
  const { keyId, publicKeyPem, purpose, orgId, environmentId } = key;
  return {
    ...{
      keyId,
      algorithm: purpose === "opa" ? "ES256" : "Ed25519",
      publicKeyPem,
      createdAt: timestampOf(key.createdAt),
    },
    ...{ isCurrent: state === "current", purpose, state },
    ...withoutNulls({ orgId, environmentId, environment }),
  };
}

function rotationMessage(view: KeyRotationView): MessageInitShape<typeof KeyRotationSchema> {
  const { current, next, trust, otherOrganizations, untrusting } = view;
  return {
    current: keyMessage(current),
    purpose: "bundles",
    trust,
    ...(next === null ? {} : { next: keyMessage(next) }),
    ...withoutNulls({ otherOrganizations }),
    instances: untrusting.map(({ instance, projectId, environment, keyId }) => ({
      ...{ projectId, environment, keyId },
      ...{ instanceId: instance.instanceId, keyPrefix: instance.keyPrefix, lastSeen: timestampOf(instance.lastSeen) },
      trustedKeyIds: [...(instance.keyIds ?? [])],
    })),
  };
}

function attestationMessage(view: AttestationRotationView): MessageInitShape<typeof KeyRotationSchema> {
  const { current, next, roots, otherRoots, unnaming } = view;
  return {
    ...{ current: keyMessage(current), purpose: ATTESTATION, trust: NO_TRUST, roots },
    ...(next === null ? {} : { next: keyMessage(next) }),
    ...withoutNulls({ otherRoots }),
    projects: unnaming.map(({ projectId, project, rootVersion, why }) => ({
      ...{ projectId, project, rootVersion },
      reason: why,
    })),
  };
}
